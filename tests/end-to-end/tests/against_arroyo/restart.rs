//! A server that is restarted while it is in use.

use std::{sync::Arc, time::Duration};

use stepwell::{Error, JobState, Outcome, PipelineId, PipelineSpec, Shutdown, Submission};
use tokio::time::Instant;

use crate::{
    failure::{Failure, unexpected},
    scene::{PATIENCE, Scene, options},
};

pub(crate) async fn what_was_running_goes_on_after_a_restart_of_the_server(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    if let Some(why) = scene.server.why_not_restarted() {
        scene.say(&format!("not played: {why}"));
        return Ok(());
    }
    let running = scene.running(scene.endless("before").build()?).await?;
    let run = running.job().run_id;
    tokio::select! {
        // The job has not ended, even while the server is down.
        ended = running.ended() => {
            return Err(Failure::new(format!("it has ended: {:?}", ended?)));
        }
        back = next_run(&scene, running.id(), run) => back?,
    }
    // The orchestrator was restarted too, and only knows the id.
    let attached = Submission::attach(
        scene.transport(),
        running.detach(),
        &Shutdown::new(),
        options(),
    )
    .await?;
    let running = attached.wait_until_running().await?;
    assert_eq!(running.job().run_id, run + 1);
    scene.stopped(running).await?;
    Ok(())
}

/// Restarts the server, and waits until it runs the pipeline again.
async fn next_run(scene: &Scene, id: &PipelineId, run: u64) -> Result<(), Failure> {
    scene.server.restart().await?;
    let began = Instant::now();
    loop {
        match scene.job(id).await {
            Ok(job) if job.state == JobState::Running && job.run_id > run => return Ok(()),
            Err(problem) if began.elapsed() > PATIENCE => return Err(problem),
            Ok(job) if began.elapsed() > PATIENCE => {
                return Err(Failure::new(format!(
                    "after the restart it is {}",
                    job.state
                )));
            }
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Whenever the server restarts, the submission reaches Running, or fails with a retryable error and succeeds when it is repeated. In the
/// end there is one pipeline.
pub(crate) async fn what_is_submitted_during_a_restart_comes_up_once(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    if let Some(why) = scene.server.why_not_restarted() {
        scene.say(&format!("not played: {why}"));
        return Ok(());
    }
    let one_pipeline = scene.generation().await?.takes_ids();
    for before in [0, 5, 15, 40] {
        let spec = scene.endless(&format!("during{before}")).build()?;
        let submission = async {
            let first = scene.submission(spec.clone()).run().await;
            again(&scene, &spec, first).await
        };
        let restart = async {
            tokio::time::sleep(Duration::from_millis(before)).await;
            scene.server.restart().await
        };
        let (id, restarted) = tokio::join!(submission, restart);
        restarted?;
        let id = id?;
        let mut made = scene.ours().await?;
        made.retain(|pipeline| pipeline.name == spec.name());
        assert!(made.iter().any(|pipeline| pipeline.id == id));
        assert!(made.len() == 1 || !one_pipeline, "{before} ms: {made:?}");
    }
    Ok(())
}

/// Repeats the submission for as long as the error is retryable.
async fn again(
    scene: &Scene,
    spec: &PipelineSpec,
    mut outcome: Result<Outcome, Error>,
) -> Result<PipelineId, Failure> {
    let began = Instant::now();
    loop {
        match outcome {
            Ok(Outcome::Running(running)) => return Ok(running.detach()),
            Ok(other) => return Err(Failure::new(format!("it does not end: {other:?}"))),
            Err(error) if error.is_retryable() && began.elapsed() < PATIENCE => {
                outcome = scene.submission(spec.clone()).run().await;
            }
            Err(error) => return Err(unexpected(&error)),
        }
    }
}
