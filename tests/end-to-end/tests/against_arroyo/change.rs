//! Starting, updating and deleting a pipeline by its id.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use stepwell::{
    Error, JobState, PipelineId, Shutdown, Submission,
    arroyo::Pipeline,
    error::{AttachError, ChangeError},
    observe::Difference,
    spec::{CheckpointInterval, Update},
    state::{Registered, Running},
};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::{Scene, options},
};

/// The orchestrator was restarted, and only knows the id.
async fn attached(scene: &Scene, id: &PipelineId) -> Result<Submission<Registered>, Failure> {
    let shutdown = Shutdown::new();
    Ok(Submission::attach(scene.transport(), id.clone(), &shutdown, options()).await?)
}

async fn shown(scene: &Scene, id: &PipelineId) -> Result<Pipeline, Failure> {
    Ok(scene.client().pipeline(id).await?)
}

pub(crate) async fn one_that_is_known_by_its_id_is_stopped_started_and_deleted(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let id = scene
        .running(scene.endless("known").build()?)
        .await?
        .detach();
    match error_of(attached(&scene, &id).await?.delete().await)? {
        Error::Change {
            source: ChangeError::StillRunning { .. },
        } => {}
        other => return Err(unexpected(&other)),
    }
    let stopped = attached(&scene, &id).await?.stop().await?;
    let running = stopped.start().await?.wait_until_running().await?;
    assert_eq!(running.job().run_id, 2);
    // It runs, so nothing is sent.
    let registered = attached(&scene, &id).await?.start().await?;
    assert_eq!(registered.wait_until_running().await?.job().run_id, 2);

    scene.stopped(running).await?;
    let running = attached(&scene, &id).await?.start().await?;
    let running = running.wait_until_running().await?;
    assert_eq!(running.job().run_id, 3);
    scene.stopped(running).await?;
    attached(&scene, &id).await?.delete().await?;
    let shutdown = Shutdown::new();
    let gone = Submission::attach(scene.transport(), id, &shutdown, options());
    match error_of(gone.await)? {
        Error::Attach {
            source: AttachError::NotFound { .. },
        } => {}
        other => return Err(unexpected(&other)),
    }
    Ok(())
}

pub(crate) async fn one_that_has_finished_is_deleted_and_not_started(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let validated = scene.validated(scene.finite("finished").build()?).await?;
    let id = validated.resolve().await?.register().detach();
    scene.until(&id, &[JobState::Finished]).await?;
    match error_of(attached(&scene, &id).await?.start().await)? {
        Error::Change {
            source: ChangeError::Finished { .. },
        } => {}
        other => return Err(unexpected(&other)),
    }
    attached(&scene, &id).await?.delete().await?;
    assert_eq!(scene.ours().await?.len(), 0);
    Ok(())
}

pub(crate) async fn another_interval_holds_in_the_same_run(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let running = scene.running(scene.endless("interval").build()?).await?;
    let id = running.id().clone();
    let interval = CheckpointInterval::new(Duration::from_secs(7))?;
    let update = Update::new().checkpoint_interval(interval);
    let registered = running.update(&update).await?;
    assert!(
        registered.differences().is_empty(),
        "{:?}",
        registered.differences()
    );
    let running = registered.wait_until_running().await?;
    assert_eq!(running.job().run_id, 1);
    assert_eq!(
        shown(&scene, &id).await?.checkpoint_interval_micros,
        interval.micros()
    );
    // Nothing differs, so nothing is sent.
    let running = running.update(&update).await?.wait_until_running().await?;
    assert_eq!(running.job().run_id, 1);
    scene.stopped(running).await?;
    Ok(())
}

pub(crate) async fn another_parallelism_begins_a_new_run(scene: Arc<Scene>) -> Result<(), Failure> {
    let running = scene.running(scene.endless("parallelism").build()?).await?;
    let id = running.id().clone();
    let two = NonZeroU32::MIN.saturating_add(1);
    let running = updated(running, &Update::new().parallelism(two)).await?;
    assert_eq!(running.job().run_id, 2);
    assert_eq!(
        shown(&scene, &id).await?.graph.parallelism(),
        Some(two.get())
    );
    scene.stopped(running).await?;
    Ok(())
}

pub(crate) async fn another_environment_begins_a_new_run_where_there_is_one(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let has_environments = scene.generation().await?.takes_ids();
    let running = scene.running(scene.endless("environment").build()?).await?;
    let update = Update::new().environment([("STEPWELL", "yes")]);
    let registered = running.update(&update).await?;
    let ignored = [Difference::Environment];
    let expected: &[_] = if has_environments { &[] } else { &ignored };
    assert_eq!(registered.differences(), expected);
    let running = registered.wait_until_running().await?;
    assert_eq!(running.job().run_id, if has_environments { 2 } else { 1 });
    scene.stopped(running).await?;
    Ok(())
}

async fn updated(
    running: Submission<Running>,
    update: &Update,
) -> Result<Submission<Running>, Failure> {
    Ok(running.update(update).await?.wait_until_running().await?)
}
