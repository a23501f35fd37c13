//! Each setting of the builder is followed.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_generation_is_played() {
    let generation = Generation::V0_15(Scheduler::Process);
    let old = client(&Server::builder().generation(generation).build());
    let new = client(&Server::new());
    let (id, create) = (PipelineId::new("mine").unwrap(), pipeline("SELECT 1"));
    let refused = old.create_with_id(&id, &create).await.unwrap_err();
    assert_eq!(refused.status().unwrap(), 405);
    assert_eq!(new.create_with_id(&id, &create).await.unwrap().id, id);
}

/// The scheduler for processes starts another run at once, without waiting for the controller's next tick.
#[tokio::test(start_paused = true)]
async fn a_run_of_0_15_that_fails_is_followed_by_another_at_once() {
    let generation = Generation::V0_15(Scheduler::Process);
    let builder = Server::builder().generation(generation).tick(seconds(1));
    let (server, id) = running(builder).await;
    sleep(millis(100)).await;
    server.fail(&id, Failure::new("out of luck"));
    assert_eq!(state(&server, &id), JobState::Recovering);
    let recovered = until(&server, &id, &JobState::Scheduling).await;
    assert!(recovered < millis(50), "{recovered:?}");
}

#[tokio::test(start_paused = true)]
async fn the_options_are_those_of_the_model() {
    let mut options = Options::default();
    options.most_subtasks = Some(1);
    let server = Server::builder().options(options).build();
    let refused = client(&server).create(&pipeline("SELECT 1")).await;
    assert!(refused.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_controller_looks_at_each_tick() {
    let workers = Workers::new();
    let builder = Server::builder().workers(workers).latency(Duration::ZERO);
    let server = builder.tick(seconds(3)).build();
    let id = create(&server, "SELECT 1").await;
    let started = until(&server, &id, &JobState::Running).await;
    assert_eq!(started, seconds(3));
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_its_latency_and_no_longer_than_its_timeout() {
    let server = Server::builder().latency(seconds(2)).build();
    let began = Instant::now();
    ping(&server).await.unwrap();
    assert_eq!(began.elapsed(), seconds(2));

    for (timeout, arrived) in [(500, 1), (1_500, 2)] {
        let began = Instant::now();
        let mut request = Request::get("/api/v1/ping").body(Bytes::new()).unwrap();
        request.extensions_mut().insert(Timeout(millis(timeout)));
        let error = server.execute(request).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (Kind::TimedOut, Phase::MaybeSent)
        );
        assert_eq!(began.elapsed(), millis(timeout));
        // The second one had arrived by then.
        assert_eq!(server.count(&Method::GET, "/ping"), arrived);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_has_no_more_bytes_than_the_limit() {
    let server = Server::new();
    let mut request = Request::get("/api/v1/ping").body(Bytes::new()).unwrap();
    request.extensions_mut().insert(BodyLimit(3));
    let refused = kind_and_phase(server.execute(request).await);
    assert_eq!(refused, Some((Kind::BodyTooLarge, Phase::Responded)));
}

#[tokio::test(start_paused = true)]
async fn workers_take_their_time() {
    let workers = Workers::new()
        .with_start(seconds(2))
        .with_checkpoint(seconds(3))
        .with_stop(seconds(4));
    let builder = Server::builder().latency(Duration::ZERO);
    let server = builder.workers(workers).tick(millis(1)).build();
    let id = create(&server, "SELECT 1").await;
    let about = |took: Duration, expected: u64| {
        let expected = seconds(expected)..seconds(expected) + millis(10);
        assert!(expected.contains(&took), "{took:?}, not {expected:?}");
    };
    until(&server, &id, &JobState::Scheduling).await;
    about(until(&server, &id, &JobState::Running).await, 2);
    server.stop(&id, &StopMode::Checkpoint);
    about(until(&server, &id, &JobState::Stopped).await, 3 + 4);
    server.stop(&id, &StopMode::None);
    until(&server, &id, &JobState::Running).await;
    server.stop(&id, &StopMode::Immediate);
    about(until(&server, &id, &JobState::Stopped).await, 4);
}

#[tokio::test(start_paused = true)]
async fn pauses_and_ids_are_drawn_from_the_seed() {
    let mut stories = Vec::new();
    for seed in [1, 1, 2] {
        let server = Server::builder().seed(seed).build();
        let began = Instant::now();
        let mut story = Vec::new();
        for _ in 0..3 {
            let id = create(&server, "SELECT 1").await;
            until(&server, &id, &JobState::Running).await;
            story.push((id, began.elapsed()));
        }
        stories.push(story);
    }
    assert_eq!(stories[0], stories[1]);
    assert_ne!(stories[0][0].0, stories[2][0].0);
    assert_ne!(stories[0][2].1, stories[2][2].1);
    assert_eq!(stories[0][0].0.as_str().len(), "pl_".len() + 10);
}
