//! Runs end as the test says.

use super::*;

#[tokio::test(start_paused = true)]
async fn runs_end_as_their_workers_say() {
    let server = Server::new();
    let fails = RunEnd::Failed {
        after: seconds(3),
        failure: Failure::new("no such topic"),
    };
    server.set_workers("orders", Workers::new().with_end(fails));
    let finishes = RunEnd::Finished { after: seconds(1) };
    server.set_workers("finite", Workers::new().with_end(finishes));
    server.set_workers("queued", Workers::new().never_start());
    server.set_workers("stuck", Workers::new().hang_in_final_checkpoint());
    let mut ids = Vec::new();
    for table in ["orders", "finite", "queued", "stuck", "usual"] {
        ids.push(create(&server, &format!("SELECT * FROM {table}")).await);
    }
    sleep(seconds(20)).await;
    for id in &ids[3..] {
        server.stop(id, &StopMode::Checkpoint);
    }
    sleep(seconds(20)).await;
    let states: Vec<_> = ids.iter().map(|id| state(&server, id)).collect();
    let expected = [
        JobState::Failed,
        JobState::Finished,
        JobState::Scheduling,
        JobState::CheckpointStopping,
        JobState::Stopped,
    ];
    assert_eq!(states, expected);
    let reason = job(&server, &ids[0]).await.failure_reason.unwrap();
    assert_eq!(reason.error, "no such topic");
}

#[tokio::test(start_paused = true)]
async fn a_run_fails_with_the_error_it_is_given() {
    let (server, id) = running(Server::builder()).await;
    let failure = Failure::new("disk full").with_domain(ErrorDomain::External);
    server.fail(&id, failure.clone());
    assert_eq!(state(&server, &id), JobState::Failing);
    until(&server, &id, &JobState::Failed).await;
    let reason = job(&server, &id).await.failure_reason.unwrap();
    assert_eq!(
        (reason.error.as_str(), reason.domain),
        ("disk full", Some(ErrorDomain::External))
    );

    let (server, id) = running(Server::builder()).await;
    server.fail(&id, failure.with_retryable(true));
    assert_eq!(state(&server, &id), JobState::Recovering);
    until(&server, &id, &JobState::Running).await;
    assert_eq!(server.pipeline(&id).unwrap().run_id, 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_finishes() {
    let (server, id) = running(Server::builder()).await;
    server.finish(&id);
    assert_eq!(state(&server, &id), JobState::Finished);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_the_test_is_told() {
    let (server, id) = running(Server::builder()).await;
    let told = |call: &dyn Fn()| {
        let panic = std::panic::catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        panic
            .downcast::<String>()
            .map_or_else(|_| String::new(), |text| *text)
    };
    let refused = told(&|| server.delete(&id));
    assert!(refused.contains("must be in a terminal state"), "{refused}");
    server.finish(&id);
    let no_run = told(&|| server.fail(&id, Failure::new("late")));
    assert_eq!(
        no_run,
        "pipeline pl_1 has no run at present: it is Finished"
    );
    server.delete(&id);
    let unknown = told(&|| server.finish(&id));
    assert_eq!(unknown, "the server has no pipeline pl_1");

    let (server, id) = running(Server::builder()).await;
    server.fail(&id, Failure::new("late").with_retryable(true));
    let between_runs = told(&|| server.finish(&id));
    assert!(between_runs.ends_with("Recovering"), "{between_runs}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pipeline_is_gone() {
    let (server, id) = running(Server::builder()).await;
    server.finish(&id);
    server.delete(&id);
    assert_eq!(server.pipelines(), []);
}
