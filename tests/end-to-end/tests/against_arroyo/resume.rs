//! Resuming from each state that a pipeline can be in. Finished is covered by `finish`.

use std::{sync::Arc, time::Duration};

use end_to_end::Generation;
use stepwell::{
    Error, JobState, PipelineSpec, Resolution, StopMode, Submission,
    error::WaitError,
    state::{Resolved, Resumed, Running, Validated},
};

use crate::{
    failure::{Failure, unexpected},
    scene::{PATIENCE, Scene},
};

/// How many attempts are made to catch a job in a transient state.
const ROUNDS: usize = 40;

/// A little more than two ticks of a controller: a stale state has passed by then.
const SETTLED: Duration = Duration::from_millis(1200);

async fn resumed(
    validated: Submission<Validated>,
) -> Result<Submission<Resolved<Resumed>>, Failure> {
    match validated.resolve().await? {
        Resolution::Resumed(resumed) => Ok(resumed),
        Resolution::Created(created) => Err(Failure::new(format!(
            "a second pipeline was created: {}",
            created.id()
        ))),
    }
}

fn state_before(resumed: &Submission<Resolved<Resumed>>) -> Option<JobState> {
    resumed.resumed_from().map(|job| job.state.clone())
}

/// Checks that the pipeline runs, and that this is not a stale state of the previous run.
async fn goes_on(running: &Submission<Running>) -> Result<(), Failure> {
    tokio::time::sleep(SETTLED).await;
    let job = running.read_job().await?;
    let job = job.ok_or_else(|| Failure::new("the pipeline has no job"))?;
    assert_eq!(job.state, JobState::Running);
    assert!(job.running_desired);
    assert_eq!(job.run_id, running.job().run_id);
    Ok(())
}

pub(crate) async fn one_that_is_running_is_adopted_in_its_run(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let spec = scene.endless("running").build()?;
    let id = scene.running(spec.clone()).await?.detach();
    let resumed = resumed(scene.validated(spec).await?).await?;
    assert_eq!(state_before(&resumed), Some(JobState::Running));
    let running = resumed.register().wait_until_running().await?;
    assert_eq!(*running.id(), id);
    assert_eq!(running.job().run_id, 1, "it was not touched");
    goes_on(&running).await
}

pub(crate) async fn one_that_was_stopped_goes_on(scene: Arc<Scene>) -> Result<(), Failure> {
    let spec = scene.endless("stopped").build()?;
    let running = scene.running(spec.clone()).await?;
    let id = running.id().clone();
    let before = scene.stopped(running).await?.state;
    let resumed = resumed(scene.validated(spec).await?).await?;
    assert_eq!(state_before(&resumed), Some(before));
    assert_eq!(*resumed.id(), id);
    let running = resumed.register().wait_until_running().await?;
    assert_eq!(running.job().run_id, 2);
    goes_on(&running).await
}

pub(crate) async fn one_that_is_stopping_is_started_again(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    resumed_in_passing(&scene, StopMode::Immediate, JobState::Stopping).await
}

pub(crate) async fn one_that_takes_its_final_checkpoint_is_started_again(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    resumed_in_passing(&scene, StopMode::Checkpoint, JobState::CheckpointStopping).await
}

/// Stops a pipeline and resumes it while it is in `state`. How fast a server leaves the state is not known, so the submission must reach
/// Running from whatever state it finds.
async fn resumed_in_passing(scene: &Scene, mode: StopMode, state: JobState) -> Result<(), Failure> {
    let spec = scene.busy("passing").build()?;
    let mut running = scene.running(spec.clone()).await?;
    for round in 0..ROUNDS {
        let run = running.job().run_id;
        let id = running.detach();
        let validated = scene.validated(spec.clone()).await?;
        scene.patch_stop(&id, mode.clone()).await?;
        // A slow controller has not acted on the stop yet; a fast one is past the state by the next poll.
        if round % 2 == 0 {
            let stops = [state.clone(), JobState::Stopped];
            scene.until(&id, &stops).await?;
        }
        let resumed = resumed(validated).await?;
        let met = state_before(&resumed);
        running = match resumed.register().wait_until_running().await {
            Ok(running) => running,
            Err(error) => after_a_failed_stop(scene, &spec, error.into()).await?,
        };
        assert_eq!(*running.id(), id);
        // A stop that has not taken effect is cancelled, and the run continues (recording `468_…`).
        let next = run + 1;
        let first = if met == Some(JobState::Running) {
            run
        } else {
            next
        };
        assert!(
            (first..=next).contains(&running.job().run_id),
            "run {} after {run}, resumed from {met:?}",
            running.job().run_id
        );
        if met.as_ref() == Some(&state) {
            return goes_on(&running).await;
        }
    }
    scene.say(&format!(
        "{state} was not seen in {ROUNDS} tries; every one of them came up"
    ));
    goes_on(&running).await
}

/// Where a stop may end as Failed, the next submission restarts the failed job.
async fn after_a_failed_stop(
    scene: &Scene,
    spec: &PipelineSpec,
    error: Error,
) -> Result<Submission<Running>, Failure> {
    let generation = scene.generation().await?;
    match &error {
        Error::Wait {
            source: WaitError::Failed { job, .. },
        } if generation.can_fail_to_stop(job) => scene.running(spec.clone()).await,
        _ => Err(unexpected(&error)),
    }
}

pub(crate) async fn one_that_has_just_been_created_is_adopted(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    for round in 0..ROUNDS {
        let spec = scene.endless(&format!("new{round}")).build()?;
        let validated = scene.validated(spec.clone()).await?;
        let id = scene.made_elsewhere(&spec).await?;
        let resumed = resumed(validated).await?;
        let met = state_before(&resumed);
        let running = resumed.register().wait_until_running().await?;
        assert_eq!(*running.id(), id);
        assert_eq!(running.job().run_id, 1, "adopted from {met:?}");
        if matches!(met, Some(JobState::Created | JobState::Scheduling)) {
            return goes_on(&running).await;
        }
        scene.stopped(running).await?;
    }
    scene.say(&format!(
        "neither Created nor Scheduling was seen in {ROUNDS} tries; every one of them came up"
    ));
    Ok(())
}

pub(crate) async fn one_that_ended_as_failed_is_restarted_and_its_old_failure_does_not_count(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    // Running must last: right after a restart it counts only after two ticks, and a busy machine may see it late. Releases up to 0.15 run
    // the job many times before it is Failed.
    let row = match scene.generation().await? {
        Generation::V0_16 => 8,
        Generation::V0_15 => 3,
    };
    let spec = scene.failing("failed", row).build()?;
    let running = scene.running(spec.clone()).await?;
    let id = running.id().clone();
    let last = fails(&scene, &running, 1).await?;
    let resumed = resumed(scene.validated(spec).await?).await?;
    assert_eq!(*resumed.id(), id);
    assert_eq!(state_before(&resumed), Some(JobState::Failed));
    fails(
        &scene,
        &resumed.register().wait_until_running().await?,
        last + 1,
    )
    .await?;
    Ok(())
}

/// Watches a pipeline from this run on until it has failed, and returns its last run.
async fn fails(scene: &Scene, running: &Submission<Running>, run: u64) -> Result<u64, Failure> {
    let generation = scene.generation().await?;
    assert_eq!(running.job().state, JobState::Running);
    let runs = generation.runs_until_failed(run);
    assert!(runs.contains(&running.job().run_id), "{:?}", running.job());
    let ended = tokio::time::timeout(PATIENCE, running.ended()).await??;
    assert_eq!(ended.job.state, JobState::Failed);
    let last = ended.job.run_id;
    assert!(runs.contains(&last), "{last} is none of {runs:?}");
    let reason = ended.job.failure_reason.as_ref();
    assert!(
        generation.allows_divide_by_zero(reason, &ended.errors),
        "{reason:?}, {:?}",
        ended.errors
    );
    Ok(last)
}
