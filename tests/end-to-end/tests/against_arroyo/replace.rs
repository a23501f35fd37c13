//! Putting a changed query in the place of a running one.

use std::{sync::Arc, time::Duration};

use stepwell::{
    Error, JobState, PipelineId, PipelineSpec, Shutdown, Submission,
    error::{MeantToRun, ReplacementError},
    replacement::{Prepared, Replacement, ReplacementOptions, ReplacementResumed},
};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::{Scene, options},
};

/// On an older server it may be unknown whether there was a final checkpoint.
async fn replacement_options(scene: &Scene) -> Result<ReplacementOptions, Failure> {
    let is_old = !scene.generation().await?.takes_ids();
    Ok(ReplacementOptions::default().with_without_checkpoint(is_old))
}

async fn prepared(
    scene: &Scene,
    old: &PipelineId,
    new: PipelineSpec,
) -> Result<Replacement<Prepared>, Failure> {
    let shutdown = Shutdown::new();
    let attached = Submission::attach(scene.transport(), old.clone(), &shutdown, options());
    let new = Submission::builder(scene.transport(), new)
        .options(options())
        .shutdown(&shutdown)
        .build();
    let new = new.connect().await?.validate().await?;
    let options = replacement_options(scene).await?;
    let prepared = new.replace(attached.await?, options).await;
    Ok(prepared.map_err(Error::from)?)
}

async fn resumed(
    scene: &Scene,
    old: &PipelineId,
    new: PipelineSpec,
) -> Result<ReplacementResumed, Failure> {
    let shutdown = Shutdown::new();
    let replacement = replacement_options(scene).await?;
    let transport = scene.transport();
    let resumed = Replacement::resume(
        transport,
        old.clone(),
        new,
        &shutdown,
        options(),
        replacement,
    );
    Ok(resumed.await?)
}

pub(crate) async fn a_changed_query_takes_the_place_of_the_old_one(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let old = scene.running(scene.endless("old").build()?).await?.detach();
    let new = scene.endless("new").build()?;
    let stopped = prepared(&scene, &old, new.clone()).await?.stop_old().await;
    let stopped = stopped.map_err(Error::from)?;
    assert!(!scene.job(&old).await?.running_desired);
    let started = stopped.start_new().await.map_err(Error::from)?;
    assert_eq!(scene.ours().await?.len(), 2);
    let proved = started.prove().await.map_err(Error::from)?;
    let running = proved.commit().await.map_err(Error::from)?;
    assert_eq!(running.name(), new.name());
    let ours = scene.ours().await?;
    let ids: Vec<_> = ours.iter().map(|pipeline| &pipeline.id).collect();
    assert_eq!(ids, [running.id()]);
    scene.stopped(running).await?;
    Ok(())
}

pub(crate) async fn a_query_that_fails_gives_its_place_back(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let running = scene.running(scene.endless("old").build()?).await?;
    let (old, run) = (running.id().clone(), running.job().run_id);
    drop(running);
    let new = scene.failing("new", 2).build()?;
    let replaced = Box::pin(prepared(&scene, &old, new).await?.run()).await;
    match error_of(replaced.map_err(Error::from))? {
        Error::Replacement {
            source:
                ReplacementError::RolledBack {
                    meant_to_run: MeantToRun::Old,
                    ..
                },
        } => {}
        other => return Err(unexpected(&other)),
    }
    let job = scene.until(&old, &[JobState::Running]).await?;
    assert!(job.running_desired && job.run_id > run, "{job:?}");
    let ours = scene.ours().await?;
    assert_eq!(
        ours.len(),
        1,
        "the new one was created here, so it is deleted"
    );
    Ok(())
}

pub(crate) async fn a_rerun_ends_with_one_whatever_was_done_before(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let old = scene.running(scene.endless("old").build()?).await?.detach();
    let new = scene.endless("new").build()?;
    // Three processes, of which the first two do not come to the end.
    let prepared = match resumed(&scene, &old, new.clone()).await? {
        ReplacementResumed::Prepared(prepared) => prepared,
        other => return Err(Failure::new(format!("the old one runs: {other:?}"))),
    };
    drop(prepared.stop_old().await.map_err(Error::from)?);
    let stopped = match resumed(&scene, &old, new.clone()).await? {
        ReplacementResumed::OldStopped(stopped) => stopped,
        other => return Err(Failure::new(format!("the old one was stopped: {other:?}"))),
    };
    let started = stopped.start_new().await.map_err(Error::from)?;
    let id = started.new_id().cloned();
    drop(started);
    let last = resumed(&scene, &old, new.clone()).await?;
    let running = Box::pin(last.run()).await.map_err(Error::from)?;
    assert_eq!(Some(running.id()), id.as_ref());
    assert_eq!(scene.ours().await?.len(), 1);

    // The old one is gone by now, and the new one is left as it is.
    let run = running.job().run_id;
    drop(running);
    let again = resumed(&scene, &old, new).await?;
    let running = Box::pin(again.run()).await.map_err(Error::from)?;
    assert_eq!(
        (Some(running.id()), running.job().run_id),
        (id.as_ref(), run)
    );
    let stopped = tokio::time::timeout(Duration::from_secs(300), scene.stopped(running));
    stopped.await??;
    Ok(())
}
