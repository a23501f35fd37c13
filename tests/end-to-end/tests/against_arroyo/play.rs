//! Plays a scenario and cleans up after it, however it ends.

use std::{panic::resume_unwind, sync::Arc, time::Duration};

use end_to_end::Generation;
use tokio::{sync::Mutex, task::JoinHandle};

use crate::{failure::Failure, scene::Scene, server::Server};

/// No scenario takes this long unless it hangs.
const LIMIT: Duration = Duration::from_secs(1_200);

/// Scenarios against an external server share its few slots and its restarts, so only one runs at a time.
static OUTSIDE: Mutex<()> = Mutex::const_new(());

pub(crate) async fn on_an_engine<F>(
    generation: Generation,
    name: &str,
    scenario: impl FnOnce(Arc<Scene>) -> F + Send,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    play(
        Scene::new(Server::embedded(generation).await?, name)?,
        scenario,
    )
    .await
}

pub(crate) async fn on_the_server_outside<F>(
    name: &str,
    scenario: impl FnOnce(Arc<Scene>) -> F + Send,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let scene = Scene::new(Server::outside()?, name)?;
    let _alone = OUTSIDE.lock().await;
    // Report a wrong address or token at once, instead of letting each scenario wait for the server.
    scene.client().ping().await?;
    play(scene, scenario).await
}

async fn play<F>(scene: Scene, scenario: impl FnOnce(Arc<Scene>) -> F + Send) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let scene = Arc::new(scene);
    // The scenario runs in its own task, so that it is cleaned up after a panic too.
    let mut playing = tokio::spawn(scenario(Arc::clone(&scene)));
    let played = tokio::time::timeout(LIMIT, &mut playing).await;
    if played.is_err() {
        stop(playing).await;
    }
    let failed = !matches!(played, Ok(Ok(Ok(()))));
    let cleaned = scene.clean_up(failed).await;
    let closed = scene.close().await;
    let outcome = match played {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(ended)) if ended.is_panic() => {
            for failure in [cleaned, closed].into_iter().filter_map(Result::err) {
                eprintln!("{failure:?}");
            }
            resume_unwind(ended.into_panic());
        }
        Ok(Err(ended)) => Err(ended.into()),
        Err(_) => Err(Failure::new(format!("it did not end within {LIMIT:?}"))),
    };
    join(join(outcome, cleaned), closed)
}

async fn stop(playing: JoinHandle<Result<(), Failure>>) {
    playing.abort();
    let _ = playing.await;
}

fn join(one: Result<(), Failure>, other: Result<(), Failure>) -> Result<(), Failure> {
    match (one, other) {
        (Err(one), Err(other)) => Err(one.and(&other)),
        (Ok(()), other) => other,
        (one, Ok(())) => one,
    }
}
