//! Shutdown over real sockets.

mod support;

use std::time::Duration;

use stepwell::{
    Error, OnShutdown, Outcome, Shutdown, ShutdownEnd, StopPolicy, Submission,
    arroyo::{Client, JobState},
};
use support::{PATIENCE, Place, counting, options, transport};

fn policy() -> StopPolicy {
    StopPolicy::builder().deadline(PATIENCE).build()
}

#[tokio::test]
async fn a_shutdown_in_the_middle_of_many_submissions_leaves_nothing_running() {
    let place = Place::new();
    let (engine, _rows) = place.engine().await;
    let transport = transport(&engine);
    for after in [0, 1, 3, 10, 30] {
        let shutdown = Shutdown::new();
        let mut submissions = tokio::task::JoinSet::new();
        for number in 0..20 {
            let spec = counting(&format!("shut{after}-{number}"));
            submissions.spawn(
                Submission::builder(transport.clone(), spec)
                    .shutdown(&shutdown)
                    .build()
                    .run(),
            );
        }
        // Some moment in the middle; which one it is must not matter.
        tokio::time::sleep(Duration::from_millis(after)).await;
        let report = shutdown.stop_all(policy()).await.unwrap();
        while let Some(outcome) = submissions.join_next().await {
            match outcome.unwrap() {
                Ok(Outcome::Running(_)) | Err(Error::ShutdownBegun) => {}
                other => panic!("{other:?}"),
            }
        }
        for entry in &report.entries {
            assert!(
                matches!(
                    entry.end,
                    ShutdownEnd::Ended {
                        state: JobState::Stopped,
                        ..
                    }
                ),
                "{entry}"
            );
        }
        let client = Client::new(transport.clone());
        for pipeline in client.all_pipelines().await.unwrap() {
            let job = client.jobs(&pipeline.id).await.unwrap().remove(0);
            assert!(
                job.state == JobState::Stopped && !job.running_desired,
                "{} is {}",
                pipeline.name,
                job.state
            );
        }
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_run_that_somebody_else_started_is_left_unless_asked_for() {
    let place = Place::new();
    let (engine, _rows) = place.engine().await;
    let Outcome::Running(running) = Submission::new(transport(&engine), counting("a"))
        .run()
        .await
        .unwrap()
    else {
        panic!("it does not end by itself");
    };
    let id = running.detach();

    for (on_shutdown, stopped) in [
        (OnShutdown::StopIfStartedHere, false),
        (OnShutdown::Stop, true),
    ] {
        let shutdown = Shutdown::new();
        let options = options()
            .shutdown(&shutdown)
            .on_shutdown(on_shutdown)
            .build();
        let submission = Submission::builder(transport(&engine), counting("a"))
            .options(options)
            .build();
        let Outcome::Running(resumed) = submission.run().await.unwrap() else {
            panic!("it does not end by itself")
        };
        assert_eq!(*resumed.id(), id);
        let report = shutdown.stop_all(policy()).await.unwrap();
        assert_eq!(
            matches!(report.entries[0].end, ShutdownEnd::Ended { .. }),
            stopped,
            "{report}"
        );
        assert_eq!(
            matches!(report.entries[0].end, ShutdownEnd::Left),
            !stopped,
            "{report}"
        );
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_submission_whose_future_is_dropped_is_still_stopped() {
    let place = Place::new();
    let (engine, _rows) = place.engine().await;
    let shutdown = Shutdown::new();
    for number in 0..20 {
        let spec = counting(&format!("dropped{number}"));
        let submission = Submission::builder(transport(&engine), spec)
            .shutdown(&shutdown)
            .build();
        let _ = tokio::time::timeout(Duration::from_millis(number), submission.run()).await;
    }
    shutdown.stop_all(policy()).await.unwrap();
    let client = Client::new(transport(&engine));
    for pipeline in client.all_pipelines().await.unwrap() {
        let job = client.jobs(&pipeline.id).await.unwrap().remove(0);
        assert_eq!(job.state, JobState::Stopped, "{}", pipeline.name);
    }
    engine.close().await.unwrap();
}
