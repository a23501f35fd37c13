//! How a shutdown that has begun affects the steps.

use serde_json::json;
use stepwell::{
    Error, OnShutdown, Shutdown,
    transport::{FakeTransport, http::Method},
};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn once_it_has_begun_no_create_and_no_resume_is_sent() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let under = options().under(&shutdown);
    let validated = validated_with(fake.clone(), &fake, spec(), under).await;
    shutdown.begin();
    assert!(shutdown.is_begun());
    shutdown.begun().await;
    let (error, validated) = validated.resolve().await.unwrap_err().into_parts();
    assert!(matches!(error, Error::ShutdownBegun), "{error:?}");
    assert!(matches!(validated.plan().await, Err(Error::ShutdownBegun)));
    assert_eq!(creates(&fake), 0);
    assert!(
        shutdown
            .stop_all(policy())
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn it_ends_a_resolve_between_the_list_and_the_create() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options().under(&shutdown);
    let validated = validated_with(fake.clone(), &fake, spec(), options).await;
    fake.expect(Method::GET, LIST)
        .delay(millis(500))
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    let (outcome, ()) = tokio::join!(validated.resolve(), async {
        tokio::time::sleep(millis(500)).await;
        shutdown.begin();
    });
    assert!(matches!(outcome.unwrap_err().error(), Error::ShutdownBegun));
    assert_eq!(creates(&fake), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_watching() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    running.shutdown().begin();
    assert!(matches!(running.ended().await, Err(Error::ShutdownBegun)));
}

#[tokio::test(start_paused = true)]
async fn a_signal_while_a_pipeline_is_resumed_stops_it_after_the_reply() {
    for state in ["Stopped", "Failed"] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let under = options().under(&shutdown);
        let validated = validated_with(fake.clone(), &fake, spec(), under).await;
        let (before, stop) = if state == "Stopped" {
            (undesired(state), "checkpoint")
        } else {
            (job(state), "none")
        };
        fake.list(&[pipeline("pl_1", QUERY).with("stop", json!(stop))]);
        fake.jobs("pl_1", before);
        if state == "Stopped" {
            fake.patch("pl_1", json!({"stop": "none"}))
                .delay(seconds(1));
        } else {
            fake.expect(Method::POST, RESTART)
                .delay(seconds(1))
                .reply(200, "");
        }
        expect_stop(&fake, "pl_1");
        let signal = async {
            tokio::time::sleep(millis(500)).await;
            shutdown.stop_all(policy()).await
        };
        let (outcome, report, before) = tokio::join!(validated.resolve(), signal, async {
            tokio::time::sleep(millis(900)).await;
            fake.requests().len()
        });
        // Ping, validate, list, job, and the request that awaits its reply.
        assert_eq!(before, 5);
        assert!(matches!(outcome.unwrap_err().error(), Error::ShutdownBegun));
        assert_stopped(&report.unwrap(), "pl_1");
    }
}

/// What a second signal leaves behind has a name, whichever request is being held by the server.
#[tokio::test(start_paused = true)]
async fn what_a_held_request_may_leave_running_is_named() {
    let named = |shutdown: &Shutdown, id: &str| {
        let known = shutdown.pipelines();
        assert_eq!(known.len(), 1, "{known:?}");
        assert_eq!(known[0].name, "orders");
        assert_eq!(known[0].id.as_ref().unwrap().as_str(), id);
    };
    for held in ["create", "resume", "restart", "stop"] {
        let fake = FakeTransport::any_order();
        let shutdown = Shutdown::new();
        let under = options()
            .with_on_shutdown(OnShutdown::Stop)
            .under(&shutdown);
        let validated = validated_with(fake.clone(), &fake, spec(), under).await;
        if held == "create" {
            fake.list(&[]);
            fake.expect(Method::PUT, path(spec_id())).hang();
        } else {
            fake.list(&[pipeline("pl_1", QUERY)]);
            fake.expect(Method::PATCH, path("pl_1")).hang().always();
            fake.expect(Method::POST, RESTART).hang().always();
            fake.checkpoints(&[]);
            let shown = match held {
                "resume" => undesired("Stopped"),
                "restart" => job("Failed"),
                _ => job("Running"),
            };
            shows_always(&fake, &shown);
        }
        let steps = async {
            let resolved = validated.resolve().await;
            resolved.unwrap().register().stop().await
        };
        let _ = tokio::time::timeout(seconds(1), steps).await;
        let id = if held == "create" {
            spec_id()
        } else {
            "pl_1".to_owned()
        };
        named(&shutdown, &id);
        // The first signal changes nothing of that.
        let _ = tokio::time::timeout(millis(500), shutdown.stop_all(policy())).await;
        named(&shutdown, &id);
        std::mem::forget(fake);
    }
}
