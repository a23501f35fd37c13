//! The whole chain over real sockets: workflow, transport, engine.

mod support;

use std::time::Duration;

use stepwell::{
    Error, Intent, Outcome, PipelineSpec, Plan, Resolution, ResolveError, Submission, WaitError,
    WhenFinished,
    arroyo::{Client, JobState},
};
use support::{Place, counting, options, query, transport};

#[tokio::test]
async fn a_pipeline_is_created_runs_stops_and_goes_on_exactly() {
    let place = Place::new();
    let (engine, rows) = place.engine().await;
    let transport = transport(&engine);
    let mut ids = Vec::new();
    for round in 1..=3 {
        let validated = Submission::new(transport.clone(), counting("a"))
            .connect()
            .await
            .unwrap()
            .validate()
            .await
            .unwrap();
        assert_eq!(validated.graph().nodes.len(), 3);
        let resolution = validated.resolve().await.unwrap();
        assert_eq!(matches!(resolution, Resolution::Created(_)), round == 1);
        let running = resolution.register().wait_until_running().await.unwrap();
        assert_eq!(running.job().run_id, round);
        assert!(
            running
                .dashboard_url()
                .unwrap()
                .ends_with(&format!("/pipelines/{}", running.id()))
        );
        rows.wait_for(usize::try_from(round).unwrap() * 3).await;
        ids.push(running.id().clone());
        let stopped = running.stop().await.unwrap();
        assert_eq!(stopped.final_checkpoint(), Some(true));
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]));
    let counters = rows.counters();
    assert!(
        counters.iter().copied().eq(0..counters.len() as u64),
        "no row twice, none lost: {counters:?}"
    );
    engine.close().await.unwrap();
}

#[tokio::test]
async fn an_engine_that_is_gone_and_back_goes_on_with_what_was_running() {
    let place = Place::new();
    let (engine, rows) = place.engine().await;
    let Outcome::Running(running) = Submission::new(transport(&engine), counting("a"))
        .run()
        .await
        .unwrap()
    else {
        panic!("it does not end by itself");
    };
    let id = running.id().clone();
    rows.wait_for(3).await;
    engine.close().await.unwrap();

    // The orchestrator was restarted too: the id is all that it has.
    let (engine, rows) = place.engine().await;
    let attached = Submission::attach(transport(&engine), id, options().build())
        .await
        .unwrap();
    let running = attached.wait_until_running().await.unwrap();
    assert_eq!(running.job().run_id, 2);
    rows.wait_for(3).await;
    let stopped = running.stop().await.unwrap();
    assert_eq!(stopped.job().state, JobState::Stopped);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_finite_pipeline_is_finished_however_fast_it_is() {
    let place = Place::new();
    let (engine, rows) = place.engine().await;
    let query = query(
        "event_rate = '1000000', message_count = '5'",
        "SELECT counter FROM impulse",
    );
    let spec = PipelineSpec::new(query.clone());
    match Submission::new(transport(&engine), spec.clone())
        .run()
        .await
        .unwrap()
    {
        Outcome::Finished(finished) => assert_eq!(finished.job.state, JobState::Finished),
        Outcome::Running(running) => {
            assert_eq!(running.ended().await.unwrap().job.state, JobState::Finished);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(rows.counters(), [0, 1, 2, 3, 4]);

    let again = Submission::new(transport(&engine), spec)
        .run()
        .await
        .unwrap_err();
    assert!(
        matches!(
            again,
            Error::Resolve {
                source: ResolveError::Finished { .. }
            }
        ),
        "{again:?}"
    );
    let anew = PipelineSpec::builder(query)
        .when_finished(WhenFinished::NewRun)
        .build()
        .unwrap();
    Submission::new(transport(&engine), anew)
        .run()
        .await
        .unwrap();
    assert_eq!(
        Client::new(transport(&engine))
            .all_pipelines()
            .await
            .unwrap()
            .len(),
        2
    );
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_query_that_fails_at_run_time_reaches_running_first_and_stable_for_waits_for_the_truth() {
    let place = Place::new();
    let (engine, _rows) = place.engine().await;
    let query = query(
        "event_rate = '20'",
        "SELECT 100 / (5 - CAST(counter AS BIGINT)) AS x FROM impulse",
    );
    let stable = options().stable_for(Duration::from_secs(15)).build();
    let submission = Submission::builder(transport(&engine), PipelineSpec::new(query))
        .options(stable)
        .build();
    let error = submission.run().await.unwrap_err();
    let Error::Wait {
        source: WaitError::Failed { job, errors, .. },
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        job.failure_reason.as_ref().unwrap().error,
        "SQL error: Divide by zero error"
    );
    assert_eq!(errors[0].message, "task failed");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_failed_pipeline_is_restarted_and_its_old_failure_does_not_count() {
    let place = Place::new();
    let (engine, _rows) = place.engine().await;
    let query = query(
        "event_rate = '1'",
        "SELECT 100 / (2 - CAST(counter AS BIGINT)) AS x FROM impulse",
    );
    for run in [1, 2] {
        let Outcome::Running(running) =
            Submission::new(transport(&engine), PipelineSpec::new(query.clone()))
                .run()
                .await
                .unwrap()
        else {
            panic!("it runs for a while");
        };
        assert_eq!(running.job().run_id, run);
        let ended = running.ended().await.unwrap();
        assert_eq!(ended.job.state, JobState::Failed);
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn two_that_submit_the_same_at_once_make_one() {
    let place = Place::new();
    let (engine, _rows) = place.engine().await;
    for round in 0..10 {
        let name = format!("race{round}");
        let submit = || Submission::new(transport(&engine), counting(&name)).run();
        let (one, other) = tokio::join!(submit(), submit());
        let id = |outcome| match outcome {
            Ok(Outcome::Running(running)) => running.detach(),
            other => panic!("{other:?}"),
        };
        assert_eq!(id(one), id(other));
    }
    assert_eq!(
        Client::new(transport(&engine))
            .all_pipelines()
            .await
            .unwrap()
            .len(),
        10
    );
    engine.close().await.unwrap();
}

#[tokio::test]
async fn others_are_refused_and_what_was_created_can_be_undone() {
    let place = Place::new();
    let (engine, _rows) = place.engine().await;
    let client = Client::new(transport(&engine));
    let validated = |spec| async {
        Submission::new(transport(&engine), spec)
            .connect()
            .await?
            .validate()
            .await
            .map_err(Error::from)
    };
    let Resolution::Created(created) = validated(counting("a"))
        .await
        .unwrap()
        .resolve()
        .await
        .unwrap()
    else {
        panic!("there was nothing to resume");
    };
    let other = PipelineSpec::new(query("event_rate = '1'", "SELECT counter FROM impulse"));
    let refused = validated(other.clone())
        .await
        .unwrap()
        .resolve()
        .await
        .unwrap_err();
    let Error::Resolve {
        source: ResolveError::OtherPipelines { others, .. },
    } = refused.error()
    else {
        panic!("{refused:?}")
    };
    assert_eq!(others[0].name, "a");
    created.discard().await.unwrap();
    assert!(client.all_pipelines().await.unwrap().is_empty());
    let plan = refused.into_submission().plan().await.unwrap();
    assert!(matches!(plan, Plan::Create { .. }), "{plan:?}");

    let none = PipelineSpec::builder(other.query())
        .intent(Intent::ResumeOnly)
        .build()
        .unwrap();
    let none = validated(none).await.unwrap().resolve().await.unwrap_err();
    assert!(matches!(
        none.error(),
        Error::Resolve {
            source: ResolveError::NothingToResume { .. }
        }
    ));
    assert!(client.all_pipelines().await.unwrap().is_empty());
    engine.close().await.unwrap();
}

#[tokio::test]
async fn the_match_is_found_among_many() {
    let place = Place::new();
    let (engine, _rows) = place.engine().await;
    let transport = transport(&engine);
    let client = Client::new(transport.clone());
    for number in 0..60 {
        let spec = counting(&format!("many{number}"));
        let validated = Submission::new(transport.clone(), spec)
            .connect()
            .await
            .unwrap()
            .validate()
            .await
            .unwrap();
        let stopped = validated
            .resolve()
            .await
            .unwrap()
            .register()
            .stop()
            .await
            .unwrap();
        assert_eq!(stopped.job().state, JobState::Stopped);
    }
    let limit = std::num::NonZeroU32::new(7).unwrap();
    assert!(client.pipelines_page(limit, None).await.unwrap().has_more);
    let validated = Submission::new(transport, counting("many3"))
        .connect()
        .await
        .unwrap()
        .validate()
        .await
        .unwrap();
    assert!(matches!(
        validated.resolve().await.unwrap(),
        Resolution::Resumed(_)
    ));
    assert_eq!(client.all_pipelines().await.unwrap().len(), 60);
    engine.close().await.unwrap();
}
