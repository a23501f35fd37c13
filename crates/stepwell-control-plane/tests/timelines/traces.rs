//! What was recorded in other forms than a timeline: fast polling, error replies, checkpoints.

use http::Method;
use serde_json::{Value, json};
use stepwell_control_plane::{Command, Generation, Options, Scheduler};

use crate::support::Server;

/// What is shown after a request, in each tick and after each command, until nothing changes any more.
fn seen(server: &mut Server, looks: usize) -> Vec<String> {
    let mut lines = vec![server.line("p")];
    for _ in 0..looks {
        server.tick();
        lines.push(server.line("p"));
        while server.work() {
            lines.push(server.line("p"));
        }
    }
    lines.dedup();
    lines
}

#[test]
fn a_failed_job_ignores_stop_none_and_obeys_a_restart() {
    let mut server = Server::running("p");
    server.fail("p", false);
    seen(&mut server, 12);
    server.patch("p", &json!({"stop": "none"}));
    assert_eq!(seen(&mut server, 3).len(), 1, "nothing happens");
    server.ask(Method::POST, "/api/v1/pipelines/p/restart", &json!({}));
    let states: Vec<_> = seen(&mut server, 3)
        .iter()
        .map(|line| line.split("tasks").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        states,
        [
            "state=Failed running_desired=True run_id=1 ",
            "state=Scheduling running_desired=True run_id=2 ",
            "state=Running running_desired=True run_id=2 "
        ]
    );
}

#[test]
fn a_change_of_parallelism() {
    let mut server = Server::running("p");
    server.patch("p", &json!({"parallelism": 2}));
    let states: Vec<_> = seen(&mut server, 3)
        .iter()
        .map(|line| {
            line.replace("running_desired=True ", "")
                .split(" start")
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    // traces/800_clean_rescale_fast
    assert_eq!(
        states,
        [
            "state=Running run_id=1 tasks=3",
            "state=Rescaling run_id=1 tasks=3",
            "state=Scheduling run_id=2 tasks=3",
            "state=Running run_id=2 tasks=6"
        ]
    );
}

#[test]
fn a_patch_after_a_restart_restarts_once_more() {
    let mut server = Server::running("p");
    server.ask(Method::POST, "/api/v1/pipelines/p/restart", &json!({}));
    seen(&mut server, 3);
    let interval = json!({"checkpoint_interval_micros": 20_000_000});
    for run in [3, 3] {
        server.patch("p", &interval);
        seen(&mut server, 3);
        assert_eq!(server.job("p")["run_id"], run, "traces 803 and 804");
    }
}

#[test]
fn checkpoints_come_at_their_interval_and_a_start_takes_the_newest() {
    let mut server = Server::running("p");
    for _ in 0..45 {
        server.tick();
        server.work();
    }
    let job = server.run("p").0;
    let path = format!("/api/v1/pipelines/p/jobs/{job}/checkpoints");
    let checkpoints = server.ask(Method::GET, &path, &Value::Null);
    let epochs: Vec<_> = checkpoints["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|checkpoint| checkpoint["epoch"].as_u64().unwrap())
        .collect();
    assert_eq!(epochs, [1, 2]);
    server.patch("p", &json!({"stop": "checkpoint"}));
    seen(&mut server, 2);
    server.patch("p", &json!({"stop": "none"}));
    server.tick();
    let Some(Command::Start {
        restore, run_id, ..
    }) = server.next_command()
    else {
        panic!("it starts")
    };
    assert_eq!((restore, run_id), (Some(3), 2));
}

/// A running job on a 0.15.0 whose workers are threads, and its path.
fn embedded() -> (Server, String) {
    let mut options = Options::default();
    options.generation = Generation::V0_15(Scheduler::Embedded);
    let mut server = Server::new(options);
    let body = json!({"name": "p", "query": "SELECT 1", "parallelism": 1});
    let made = server.ask(Method::POST, "/api/v1/pipelines", &body);
    server.tick();
    server.work();
    (server, made["id"].as_str().unwrap().to_owned())
}

/// The next state, and after how many whole seconds it is reached.
fn next_state(server: &mut Server, id: &str) -> (String, u64) {
    let state = |server: &mut Server| server.job(id)["state"].as_str().unwrap().to_owned();
    let (before, began) = (state(server), server.now());
    for _ in 0..1_000 {
        server.tick();
        let after = state(server);
        if after != before {
            return (after, (server.now() - began) / 1_000_000);
        }
        while server.work() {}
    }
    panic!("it stays {before}")
}

#[test]
fn threads_that_go_on_hold_their_job_for_as_long_as_was_recorded() {
    // 200_divide_by_zero_states
    let (mut server, id) = embedded();
    server.fail(&id, false);
    assert_eq!(next_state(&mut server, &id), ("Failed".to_owned(), 27));
    // 112_stop_immediate_states
    let (mut server, id) = embedded();
    server.patch(&id, &json!({"stop": "checkpoint"}));
    assert_eq!(next_state(&mut server, &id).0, "CheckpointStopping");
    while server.next_command().is_some() {}
    server.patch(&id, &json!({"stop": "immediate"}));
    assert_eq!(next_state(&mut server, &id).0, "Stopping");
    assert_eq!(next_state(&mut server, &id), ("Failed".to_owned(), 4));
    // Not recorded to the end.
    let (mut server, id) = embedded();
    server.patch(&id, &json!({"stop": "graceful"}));
    assert_eq!(next_state(&mut server, &id).0, "Stopping");
    assert_eq!(next_state(&mut server, &id), ("Stopped".to_owned(), 60));
}
