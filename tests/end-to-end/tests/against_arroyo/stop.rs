//! Stopping one pipeline.

use std::sync::Arc;

use stepwell::{Error, JobState, StopMode, Submission, error::StopError};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::{Scene, options},
};

pub(crate) async fn each_mode_stops_and_only_a_checkpoint_is_final(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let spec = scene.endless("modes").build()?;
    let modes = [
        StopMode::Checkpoint,
        StopMode::Graceful,
        StopMode::Immediate,
        StopMode::Force,
    ];
    let generation = scene.generation().await?;
    for (run, mode) in (1..).zip(modes) {
        let submission = Submission::builder(scene.transport(), spec.clone())
            .options(options().with_stop_mode(mode.clone()))
            .build();
        let running = submission
            .connect()
            .await?
            .validate()
            .await?
            .resolve()
            .await?
            .register()
            .wait_until_running()
            .await?;
        assert_eq!(running.job().run_id, run, "the run after each stop");
        let stopped = match running.stop().await.map_err(stepwell::Error::from) {
            Ok(stopped) => stopped,
            Err(Error::Stop {
                source: StopError::EndedOtherwise { job, .. },
            }) if generation.can_fail_to_stop(&job) => continue,
            Err(error) => return Err(unexpected(&error)),
        };
        assert_eq!(stopped.job().state, JobState::Stopped, "{mode}");
        assert!(!stopped.job().running_desired, "{mode}");
        let made = stopped.final_checkpoint();
        assert!(
            generation.allows_final_checkpoint(&mode, made),
            "{mode}: {made:?}"
        );
    }
    Ok(())
}

pub(crate) async fn a_stop_of_what_has_finished_says_so(scene: Arc<Scene>) -> Result<(), Failure> {
    let validated = scene.validated(scene.finite("finite").build()?).await?;
    let registered = validated.resolve().await?.register();
    scene.until(registered.id(), &[JobState::Finished]).await?;
    match error_of(registered.stop().await)? {
        Error::Stop {
            source: StopError::EndedOtherwise { job, .. },
        } => assert_eq!(job.state, JobState::Finished),
        other => return Err(unexpected(&other)),
    }
    Ok(())
}
