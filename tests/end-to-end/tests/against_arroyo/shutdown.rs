//! Stopping all pipelines of a process: `Shutdown::stop_all`.

use std::{sync::Arc, time::Duration};

use stepwell::{
    Error, OnShutdown, Outcome, Shutdown, StopPolicy, Submission, shutdown::ShutdownEnd,
    spec::Identity,
};
use tokio::task::JoinSet;

use crate::{
    failure::{Failure, unexpected},
    scene::{PATIENCE, Scene, options},
    wire::Creates,
};

/// How many submissions share a shutdown: fewer than a small server has slots.
const CROWD: u64 = 8;

fn policy() -> StopPolicy {
    StopPolicy::builder().deadline(PATIENCE).build()
}

/// Checks that every pipeline of this scenario has stopped, whatever a report says.
async fn nothing_runs(scene: &Scene) -> Result<(), Failure> {
    let generation = scene.generation().await?;
    for pipeline in scene.ours().await? {
        let job = scene.job(&pipeline.id).await?;
        assert!(
            generation.allows_end_of_stop(&job),
            "{}: {job:?}",
            pipeline.name
        );
        assert!(!job.running_desired, "{}", pipeline.name);
    }
    Ok(())
}

pub(crate) async fn in_the_middle_of_many_submissions_nothing_is_left_running(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    for after in [0, 2, 10, 30, 100, 400] {
        let shutdown = Shutdown::new();
        let mut submissions = JoinSet::new();
        for number in 0..CROWD {
            let spec = scene.endless(&format!("crowd{after}-{number}")).build()?;
            let submission = Submission::builder(scene.transport(), spec).shutdown(&shutdown);
            submissions.spawn(submission.build().run());
        }
        // The exact moment must not matter.
        tokio::time::sleep(Duration::from_millis(after)).await;
        let report = shutdown.stop_all(policy()).await?;
        while let Some(outcome) = submissions.join_next().await {
            match outcome? {
                Ok(Outcome::Running(_)) | Err(Error::ShutdownBegun) => {}
                Err(other) => return Err(unexpected(&other)),
                Ok(other) => return Err(Failure::new(format!("it does not end: {other:?}"))),
            }
        }
        let made = scene.ours().await?;
        for entry in &report.entries {
            let is_there = made.iter().any(|pipeline| pipeline.name == entry.name);
            match &entry.end {
                // The state is checked below.
                ShutdownEnd::Ended { .. } => {}
                // A server without `PUT` has refused it, and the shutdown came before the `POST`.
                ShutdownEnd::NotCreated => assert!(!is_there, "{entry}"),
                _ => return Err(Failure::new(entry)),
            }
        }
        nothing_runs(&scene).await?;
    }
    Ok(())
}

pub(crate) async fn a_create_under_way_is_found_and_stopped(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    // On a server without `PUT` the refused create has no effect, and no `POST` follows once the shutdown has begun.
    let identities = if scene.generation().await?.takes_ids() {
        vec![Identity::default(), Identity::ServerAssigned]
    } else {
        vec![Identity::ServerAssigned]
    };
    for (round, identity) in identities.iter().cycle().take(4).enumerate() {
        let creates = Creates::new(scene.transport());
        let shutdown = Shutdown::new();
        let spec = scene
            .endless(&format!("under-way{round}"))
            .identity(identity.clone())
            .build()?;
        let submission = Submission::builder(creates.clone(), spec.clone())
            .shutdown(&shutdown)
            .build();
        let submission = tokio::spawn(submission.run());
        tokio::time::timeout(PATIENCE, creates.leaves()).await?;
        let report = shutdown.stop_all(policy()).await?;
        match submission.await? {
            Err(Error::ShutdownBegun) => {}
            Err(other) => return Err(unexpected(&other)),
            Ok(other) => return Err(Failure::new(format!("not ended by it: {other:?}"))),
        }
        assert_eq!(report.entries.len(), 1, "{report}");
        assert_eq!(report.entries[0].name, spec.name());
        let made = scene.ours().await?;
        let made = made.iter().find(|pipeline| pipeline.name == spec.name());
        assert_eq!(report.entries[0].id.as_ref(), made.map(|made| &made.id));
        assert!(made.is_some(), "the create had left: {report}");
        nothing_runs(&scene).await?;
    }
    Ok(())
}

pub(crate) async fn a_run_that_another_client_started_is_left_unless_asked_for(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let spec = scene.endless("theirs").build()?;
    let id = scene.running(spec.clone()).await?.detach();
    for (on_shutdown, stopped) in [
        (OnShutdown::StopIfStartedHere, false),
        (OnShutdown::Leave, false),
        (OnShutdown::Stop, true),
    ] {
        let shutdown = Shutdown::new();
        let options = options().with_on_shutdown(on_shutdown);
        let submission = Submission::builder(scene.transport(), spec.clone())
            .options(options)
            .shutdown(&shutdown)
            .build();
        let Outcome::Running(resumed) = submission.run().await? else {
            return Err(Failure::new("it does not end by itself"));
        };
        assert_eq!(*resumed.id(), id);
        let report = shutdown.stop_all(policy()).await?;
        let ended = matches!(report.entries[0].end, ShutdownEnd::Ended { .. });
        let left = matches!(report.entries[0].end, ShutdownEnd::Left);
        assert_eq!((ended, left), (stopped, !stopped), "{report}");
        let job = scene.job(&id).await?;
        let generation = scene.generation().await?;
        assert_eq!(generation.allows_end_of_stop(&job), stopped);
        assert_eq!(job.running_desired, !stopped);
    }
    Ok(())
}

pub(crate) async fn a_submission_whose_future_is_dropped_is_still_stopped(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let shutdown = Shutdown::new();
    for number in 0..CROWD {
        let spec = scene.endless(&format!("dropped{number}")).build()?;
        let submission = Submission::builder(scene.transport(), spec)
            .shutdown(&shutdown)
            .build();
        let cut = Duration::from_millis(number * 8);
        let _ = tokio::time::timeout(cut, submission.run()).await;
    }
    shutdown.stop_all(policy()).await?;
    nothing_runs(&scene).await
}
