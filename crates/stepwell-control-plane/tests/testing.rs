//! The server for tests follows its settings: each setting has a test that fails if it is ignored.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{num::NonZeroU32, panic::AssertUnwindSafe, time::Duration};

use bytes::Bytes;
use http::{Method, Request};
use stepwell_arroyo::{
    Client, CreatePipeline, ErrorDomain, Job, JobState, PatchPipeline, PipelineId, SqlDiagnostic,
    StopMode,
};
use stepwell_control_plane::{
    Generation, Options, Scheduler,
    testing::{Failure, RunEnd, Server, ServerBuilder, Workers},
};
use stepwell_transport::{
    BodyLimit, Phase, SharedTransport, Timeout, Transport as _, TransportError,
    TransportErrorKind as Kind,
};
use tokio::time::{Instant, sleep};

const PIPELINES: &str = "/api/v1/pipelines";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn client(server: &Server) -> Client {
    Client::new(SharedTransport::new(server.clone()))
}

fn pipeline(query: &str) -> CreatePipeline {
    CreatePipeline::new("orders", query, NonZeroU32::new(2).unwrap())
}

async fn create(server: &Server, query: &str) -> PipelineId {
    client(server).create(&pipeline(query)).await.unwrap().id
}

/// A server with a pipeline that has had time to reach Running.
async fn running(builder: ServerBuilder) -> (Server, PipelineId) {
    let server = builder.build();
    let id = create(&server, "SELECT 1").await;
    sleep(seconds(2)).await;
    assert_eq!(state(&server, &id), JobState::Running);
    (server, id)
}

fn state(server: &Server, id: &PipelineId) -> JobState {
    server.pipeline(id).unwrap().state
}

async fn job(server: &Server, id: &PipelineId) -> Job {
    client(server).jobs(id).await.unwrap().remove(0)
}

/// How long the pipeline takes to reach this state, to the millisecond.
async fn until(server: &Server, id: &PipelineId, awaited: &JobState) -> Duration {
    let began = Instant::now();
    while state(server, id) != *awaited {
        assert!(began.elapsed() < seconds(60), "{}", state(server, id));
        sleep(millis(1)).await;
    }
    began.elapsed()
}

async fn ping(server: &Server) -> Result<(), TransportError> {
    let request = Request::get("/api/v1/ping").body(Bytes::new()).unwrap();
    server.execute(request).await.map(|_| ())
}

fn kind_and_phase<T>(result: Result<T, TransportError>) -> Option<(Kind, Phase)> {
    let error = result.err()?;
    Some((error.kind(), error.phase()))
}

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
async fn runs_end_as_their_workers_say() {
    let server = Server::new();
    let fails = RunEnd::Failed {
        after: seconds(3),
        failure: Failure::new("no such topic"),
    };
    server.set_workers("orders", Workers::new().with_end(fails));
    let finishes = RunEnd::Finished { after: seconds(1) };
    server.set_workers("finite", Workers::new().with_end(finishes));
    server.set_workers("queued", Workers::new().never_start());
    server.set_workers("stuck", Workers::new().hang_in_final_checkpoint());
    let mut ids = Vec::new();
    for table in ["orders", "finite", "queued", "stuck", "usual"] {
        ids.push(create(&server, &format!("SELECT * FROM {table}")).await);
    }
    sleep(seconds(20)).await;
    for id in &ids[3..] {
        server.stop(id, &StopMode::Checkpoint);
    }
    sleep(seconds(20)).await;
    let states: Vec<_> = ids.iter().map(|id| state(&server, id)).collect();
    let expected = [
        JobState::Failed,
        JobState::Finished,
        JobState::Scheduling,
        JobState::CheckpointStopping,
        JobState::Stopped,
    ];
    assert_eq!(states, expected);
    let reason = job(&server, &ids[0]).await.failure_reason.unwrap();
    assert_eq!(reason.error, "no such topic");
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

#[tokio::test(start_paused = true)]
async fn queries_are_refused_until_they_are_accepted_again() {
    let server = Server::new();
    let wrong = SqlDiagnostic::new("table 'clicks' not found");
    server.refuse_queries("clicks", [wrong]);
    for (query, is_valid) in [("SELECT * FROM clicks", false), ("SELECT 1", true)] {
        let validation = client(&server).validate(query, &[]).await.unwrap();
        let messages: Vec<_> = validation
            .errors
            .iter()
            .map(|error| error.message.as_str())
            .collect();
        let expected: &[&str] = if is_valid {
            &[]
        } else {
            &["table 'clicks' not found"]
        };
        assert_eq!(messages, expected, "{query}");
        let created = client(&server).create(&pipeline(query)).await;
        assert_eq!(created.is_ok(), is_valid, "{query}");
    }
    server.accept_queries();
    let client = client(&server);
    let validation = client.validate("SELECT * FROM clicks", &[]).await;
    assert!(validation.unwrap().errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_fails_with_the_error_it_is_given() {
    let (server, id) = running(Server::builder()).await;
    let failure = Failure::new("disk full").with_domain(ErrorDomain::External);
    server.fail(&id, failure.clone());
    assert_eq!(state(&server, &id), JobState::Failing);
    until(&server, &id, &JobState::Failed).await;
    let reason = job(&server, &id).await.failure_reason.unwrap();
    assert_eq!(
        (reason.error.as_str(), reason.domain),
        ("disk full", Some(ErrorDomain::External))
    );

    let (server, id) = running(Server::builder()).await;
    server.fail(&id, failure.with_retryable(true));
    assert_eq!(state(&server, &id), JobState::Recovering);
    until(&server, &id, &JobState::Running).await;
    assert_eq!(server.pipeline(&id).unwrap().run_id, 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_finishes() {
    let (server, id) = running(Server::builder()).await;
    server.finish(&id);
    assert_eq!(state(&server, &id), JobState::Finished);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_the_test_is_told() {
    let (server, id) = running(Server::builder()).await;
    let told = |call: &dyn Fn()| {
        let panic = std::panic::catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        panic
            .downcast::<String>()
            .map_or_else(|_| String::new(), |text| *text)
    };
    let refused = told(&|| server.delete(&id));
    assert!(refused.contains("must be in a terminal state"), "{refused}");
    server.finish(&id);
    let no_run = told(&|| server.fail(&id, Failure::new("late")));
    assert_eq!(
        no_run,
        "pipeline pl_1 has no run at present: it is Finished"
    );
    server.delete(&id);
    let unknown = told(&|| server.finish(&id));
    assert_eq!(unknown, "the server has no pipeline pl_1");

    let (server, id) = running(Server::builder()).await;
    server.fail(&id, Failure::new("late").with_retryable(true));
    let between_runs = told(&|| server.finish(&id));
    assert!(between_runs.ends_with("Recovering"), "{between_runs}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pipeline_is_gone() {
    let (server, id) = running(Server::builder()).await;
    server.finish(&id);
    server.delete(&id);
    assert_eq!(server.pipelines(), []);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_restarts_is_down_and_keeps_its_pipelines() {
    let (server, id) = running(Server::builder()).await;
    let under_way = tokio::join!(ping(&server), async {
        sleep(millis(1)).await;
        server.restart(seconds(5));
    });
    let closed = Some((Kind::Closed, Phase::MaybeSent));
    assert_eq!(kind_and_phase(under_way.0), closed);
    assert_eq!(server.count(&Method::GET, "/ping"), 0, "it had not arrived");
    let refused = Some((Kind::Refused, Phase::NotSent));
    assert_eq!(kind_and_phase(ping(&server).await), refused);
    // Nothing happens while it is down.
    sleep(millis(4_950)).await;
    assert_eq!(server.pipeline(&id).unwrap().run_id, 1);
    assert_eq!(kind_and_phase(ping(&server).await), refused);
    sleep(millis(50)).await;
    ping(&server).await.unwrap();
    sleep(seconds(2)).await;
    let held = server.pipeline(&id).unwrap();
    assert_eq!((held.run_id, held.state), (2, JobState::Running));

    // A restart that is over before the reply arrives breaks the reply off too.
    let (reply, ()) = tokio::join!(ping(&server), async {
        sleep(millis(7)).await;
        server.restart(Duration::ZERO);
    });
    assert_eq!(kind_and_phase(reply), closed);
}

#[tokio::test(start_paused = true)]
async fn connections_are_refused_while_the_server_works_on() {
    let server = Server::new();
    let id = create(&server, "SELECT 1").await;
    server.refuse_connections(true);
    let refused = Some((Kind::Refused, Phase::NotSent));
    assert_eq!(kind_and_phase(ping(&server).await), refused);
    until(&server, &id, &JobState::Running).await;
    server.refuse_connections(false);
    ping(&server).await.unwrap();
    // Refused connections are not counted.
    assert_eq!(server.count(&Method::GET, "/ping"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_reply_of_the_next_request_that_matches_is_lost() {
    let server = Server::new();
    server.lose_reply(Method::POST, PIPELINES);
    ping(&server).await.unwrap();
    let lost = client(&server).create(&pipeline("SELECT 1")).await;
    assert_eq!(lost.unwrap_err().phase(), Phase::MaybeSent);
    // It took effect.
    assert_eq!(server.pipelines().len(), 1);
    create(&server, "SELECT 1").await;
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_method_and_path() {
    let (server, id) = running(Server::builder()).await;
    let stop = PatchPipeline::new().stop(StopMode::Checkpoint);
    client(&server).patch(&id, &stop).await.unwrap();
    job(&server, &id).await;
    job(&server, &id).await;
    let counts = [
        (Method::POST, PIPELINES, 1),
        (Method::POST, "/restart", 0),
        (Method::PATCH, "/pl_1", 1),
        (Method::GET, "/jobs", 2),
        (Method::GET, "", 2),
        (Method::DELETE, "", 0),
    ];
    for (method, fragment, count) in counts {
        assert_eq!(
            server.count(&method, fragment),
            count,
            "{method} {fragment}"
        );
    }
    // Requests of other clients are not counted.
    server.stop(&id, &StopMode::None);
    assert_eq!(server.count(&Method::PATCH, ""), 1);
}
