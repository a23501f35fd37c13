//! Pipelines that end on their own.

use std::sync::Arc;

use stepwell::{
    Error, JobState, Outcome, PipelineId, PipelineSpec, error::ResolveError, spec::WhenFinished,
};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::{PATIENCE, Scene},
};

pub(crate) async fn one_that_has_finished_is_refused_and_begun_anew_if_asked_for(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let spec = scene.finite("finite");
    let id = finished(&scene, spec.clone().build()?).await?;
    match error_of(scene.submission(spec.clone().build()?).run().await)? {
        Error::Resolve {
            source: ResolveError::Finished { finished },
        } => assert_eq!(finished.id, id),
        other => return Err(unexpected(&other)),
    }
    assert_eq!(scene.ours().await?.len(), 1);
    let anew = spec.when_finished(WhenFinished::NewRun).build()?;
    assert_ne!(finished(&scene, anew).await?, id);
    assert_eq!(scene.ours().await?.len(), 2);
    Ok(())
}

pub(crate) async fn one_that_is_over_within_a_poll_is_finished(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    for round in 0..3 {
        let spec = scene.finite(&format!("short{round}")).build()?;
        let registered = scene.validated(spec).await?.resolve().await?.register();
        // It ends before the first poll.
        scene.until(registered.id(), &[JobState::Finished]).await?;
        match error_of(registered.wait_until_running().await)? {
            Error::Wait {
                source: stepwell::error::WaitError::Finished { job, .. },
            } => assert_eq!(job.state, JobState::Finished),
            other => return Err(unexpected(&other)),
        }
    }
    Ok(())
}

/// Runs the pipeline to its end, whether or not it is seen Running before.
async fn finished(scene: &Scene, spec: PipelineSpec) -> Result<PipelineId, Failure> {
    match scene.submission(spec).run().await? {
        Outcome::Finished(finished) => {
            assert_eq!(finished.job.state, JobState::Finished);
            Ok(finished.id)
        }
        Outcome::Running(running) => {
            let ended = tokio::time::timeout(PATIENCE, running.ended()).await??;
            assert_eq!(ended.job.state, JobState::Finished);
            Ok(ended.id)
        }
        other => Err(Failure::new(format!(
            "neither runs nor finished: {other:?}"
        ))),
    }
}
