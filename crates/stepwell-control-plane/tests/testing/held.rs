//! What the server holds, however it is looked at.

use super::*;

#[test]
fn a_server_is_created_and_looked_at_outside_a_runtime() {
    let server = Server::new();
    assert_eq!(server.pipelines(), []);
    server.restart(Duration::ZERO);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let id = runtime.block_on(create(&server, "SELECT 1"));
    assert_eq!(server.pipelines()[0].id, id);
}

#[tokio::test(start_paused = true)]
async fn no_task_runs_beside_the_test() {
    let (_server, _) = running(Server::builder()).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    assert_eq!(metrics.num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_told() {
    let (server, id) = running(Server::builder()).await;
    let held = server.pipelines().remove(0);
    assert_eq!((&held.id, held.name.as_str()), (&id, "orders"));
    assert_eq!((held.query.as_str(), held.parallelism), ("SELECT 1", 2));
    assert_eq!((held.run_id, held.stop), (1, StopMode::None));
    assert_eq!(held.final_checkpoints, 0);

    server.stop(&id, &StopMode::Checkpoint);
    assert_eq!(server.pipeline(&id).unwrap().stop, StopMode::Checkpoint);
    until(&server, &id, &JobState::Stopped).await;
    assert_eq!(server.pipeline(&id).unwrap().final_checkpoints, 1);

    server.stop(&id, &StopMode::None);
    until(&server, &id, &JobState::Running).await;
    assert_eq!(server.pipeline(&id).unwrap().run_id, 2);

    // In order of creation, which is not that of the ids.
    for _ in 0..10 {
        create(&server, "SELECT 1").await;
    }
    let ids = server.pipelines().into_iter().map(|held| held.id);
    assert_eq!(ids.last().unwrap().as_str(), "pl_21");
}

/// The result does not depend on how often the server is used.
#[tokio::test(start_paused = true)]
async fn what_happens_does_not_depend_on_being_looked_at() {
    let mut stories = Vec::new();
    for pause in [millis(7), seconds(600)] {
        let (server, id) = running(Server::builder().seed(3)).await;
        let end = Instant::now() + seconds(600);
        while Instant::now() < end {
            let _ = server.pipelines();
            sleep(pause.min(end - Instant::now())).await;
        }
        let job = job(&server, &id).await;
        stories.push(client(&server).checkpoints(&id, &job.id).await.unwrap());
    }
    assert!(stories[0].len() > 50);
    assert_eq!(stories[0], stories[1]);
}
