//! States come in the order, and with the fields, that a real Arroyo was recorded with.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use stepwell_control_plane::Options;
use support::Server;

/// The distinct lines of a recorded timeline, in the form of [`Server::line`].
fn recorded(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../stepwell-arroyo/tests/recordings/timelines.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let timeline = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|timeline| timeline["name"] == name)
        .unwrap_or_else(|| panic!("there is no timeline {name}"));
    let lines = timeline["timeline"].as_array().unwrap().iter();
    let mut lines: Vec<String> = lines
        .map(|entry| plain(entry["line"].as_str().unwrap()))
        .collect();
    lines.dedup();
    lines
}

fn plain(line: &str) -> String {
    let field = |name: &str| {
        let rest = line.split(&format!(" {name}=")).nth(1).unwrap();
        let end = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.find('\'').unwrap() + 2,
            None => rest.find(' ').unwrap_or(rest.len()),
        };
        rest[..end].trim_matches('\'').to_owned()
    };
    let known = |value: String| {
        if value == "None" || value == "null" {
            "no"
        } else {
            "yes"
        }
    };
    let state = line
        .strip_prefix("state=")
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let tasks = field("tasks").replace("None", "null");
    format!(
        "state={state} running_desired={} run_id={} tasks={tasks} start={} finish={} failure={} stop={} action={} text={} in_progress={}",
        field("running_desired"),
        field("run_id"),
        known(field("start_time")),
        known(field("finish_time")),
        known(field("failure_reason")),
        line.split("pipeline stop=")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap(),
        field("action"),
        field("action_text"),
        field("action_in_progress"),
    )
}

/// What is seen after a request, each look and each piece of work, until nothing more happens.
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

/// Takes the run ids of the recording down to those of a pipeline that is at run `run`.
fn at_run(lines: Vec<String>, run: u64) -> Vec<String> {
    let id = |line: &str| {
        line.split("run_id=")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let first = id(&lines[0]);
    lines
        .into_iter()
        .map(|line| {
            line.replace(
                &format!("run_id={}", id(&line)),
                &format!("run_id={}", id(&line) - first + run),
            )
        })
        .collect()
}

fn stopped(mode: &str) -> Server {
    let mut server = Server::running("p");
    server.patch("p", &json!({"stop": mode}));
    seen(&mut server, 3);
    assert_eq!(server.job("p")["state"], "Stopped");
    server
}

#[test]
fn a_start() {
    let mut server = Server::new(Options::default());
    server.create("p");
    assert_eq!(
        seen(&mut server, 2),
        recorded("101_states_start_to_running")
    );
}

#[test]
fn each_way_to_stop() {
    for (mode, name) in [
        ("checkpoint", "211_patch_stop_checkpoint_states"),
        ("immediate", "231_patch_stop_immediate_states"),
        ("graceful", "235_patch_stop_graceful_states"),
        ("force", "241_patch_stop_force_states"),
    ] {
        let mut server = Server::running("p");
        server.patch("p", &json!({"stop": mode}));
        assert_eq!(seen(&mut server, 3), at_run(recorded(name), 1), "{name}");
    }
}

#[test]
fn each_way_to_go_on() {
    for (mode, name) in [
        ("checkpoint", "221_patch_resume_none_states"),
        ("immediate", "233_patch_resume_after_immediate_states"),
        ("graceful", "239_patch_resume_after_graceful_states"),
        ("force", "245_patch_resume_after_force_states"),
    ] {
        let mut server = stopped(mode);
        server.patch("p", &json!({"stop": "none"}));
        assert_eq!(seen(&mut server, 3), at_run(recorded(name), 1), "{name}");
    }
}

#[test]
fn a_stop_of_what_has_stopped() {
    let mut server = stopped("checkpoint");
    server.patch("p", &json!({"stop": "checkpoint"}));
    assert_eq!(
        seen(&mut server, 2),
        recorded("217_patch_stop_checkpoint_when_stopped_states")
    );
}

#[test]
fn a_restart_keeps_the_start_time() {
    for (body, name) in [
        (json!({}), "251_restart_safe_states"),
        (json!({"force": true}), "253_restart_force_states"),
    ] {
        let mut server = Server::running("p");
        let started = server.job("p")["start_time"].clone();
        server.ask(http::Method::POST, "/api/v1/pipelines/p/restart", &body);
        let mut expected = at_run(recorded(name), 1);
        // Seen once between two reads of the recording: the pipeline a moment later than its job.
        expected.retain(|line| {
            !(line.starts_with("state=Scheduling") && line.ends_with("in_progress=False"))
        });
        assert_eq!(seen(&mut server, 3), expected, "{name}");
        assert_eq!(server.job("p")["start_time"], started);
    }
}

#[test]
fn a_stop_before_the_start_and_a_start_after_it() {
    let mut server = Server::new(Options::default());
    server.create("p");
    server.patch("p", &json!({"stop": "checkpoint"}));
    assert_eq!(
        seen(&mut server, 2),
        recorded("461_stop_while_created_states")
    );
    server.patch("p", &json!({"stop": "none"}));
    assert_eq!(
        seen(&mut server, 3),
        recorded("465_resume_never_started_states")
    );
}

#[test]
fn a_stop_that_is_called_off_before_it_was_acted_on() {
    let mut server = Server::running("p");
    server.patch("p", &json!({"stop": "checkpoint"}));
    server.patch("p", &json!({"stop": "none"}));
    assert_eq!(
        seen(&mut server, 3),
        at_run(recorded("468_stop_then_none_states"), 1)
    );
}

#[test]
fn a_stop_that_is_called_off_too_late_is_finished_and_begun_anew() {
    let mut server = Server::running("p");
    server.patch("p", &json!({"stop": "checkpoint"}));
    server.tick();
    assert_eq!(server.job("p")["state"], "CheckpointStopping");
    server.patch("p", &json!({"stop": "none"}));
    let mut lines = vec![server.line("p")];
    server.work();
    lines.extend(seen(&mut server, 2));
    lines.dedup();
    assert_eq!(
        lines,
        at_run(recorded("470_patch_none_while_stopping_states"), 1)
    );
}

#[test]
fn a_failure() {
    let mut server = Server::new(Options::default());
    server.create("p");
    let mut lines = seen(&mut server, 1);
    server.fail("p", false);
    lines.extend(seen(&mut server, 12));
    lines.dedup();
    assert_eq!(lines, recorded("300_missing_file_states"));
    let path = format!(
        "/api/v1/pipelines/p/jobs/{}/errors",
        server_job(&mut server)
    );
    let errors = server.ask(http::Method::GET, &path, &Value::Null);
    assert_eq!(errors["data"][0]["message"], "task failed");
    assert_eq!(
        errors["data"][0]["details"],
        "SQL error: Divide by zero error"
    );
}

fn server_job(server: &mut Server) -> String {
    server.run("p").0.to_string()
}

#[test]
fn a_failed_job_ignores_stop_none_and_obeys_a_restart() {
    let mut server = Server::running("p");
    server.fail("p", false);
    seen(&mut server, 12);
    server.patch("p", &json!({"stop": "none"}));
    assert_eq!(seen(&mut server, 3).len(), 1, "nothing happens");
    server.ask(
        http::Method::POST,
        "/api/v1/pipelines/p/restart",
        &json!({}),
    );
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
fn a_finish_that_nothing_revives() {
    let mut server = Server::new(Options::default());
    server.create("p");
    let mut lines = seen(&mut server, 1);
    server.finish("p");
    lines.extend(seen(&mut server, 2));
    lines.dedup();
    assert_eq!(lines, recorded("320_finite_impulse_states"));
    server.patch("p", &json!({"stop": "none"}));
    server.ask(
        http::Method::POST,
        "/api/v1/pipelines/p/restart",
        &json!({}),
    );
    assert_eq!(seen(&mut server, 3).len(), 1);
}

#[test]
fn an_error_that_may_pass_recovers_and_then_fails() {
    let mut options = Options::default();
    options.allowed_restarts = 1;
    let mut server = Server::new(options);
    server.create("p");
    let mut lines = seen(&mut server, 1);
    server.fail("p", true);
    lines.extend(seen(&mut server, 14));
    server.fail("p", true);
    lines.extend(seen(&mut server, 12));
    lines.dedup();
    assert_eq!(lines, recorded("630_bad_data_allowed_restarts_2_states"));
    assert!(
        server.job("p")["failure_reason"]["error"]
            .as_str()
            .unwrap()
            .starts_with("Exhausted retries: ")
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
    server.ask(
        http::Method::POST,
        "/api/v1/pipelines/p/restart",
        &json!({}),
    );
    seen(&mut server, 3);
    let interval = json!({"checkpoint_interval_micros": 20_000_000});
    for run in [3, 3] {
        server.patch("p", &interval);
        seen(&mut server, 3);
        assert_eq!(server.job("p")["run_id"], run, "traces 803 and 804");
    }
}

#[test]
fn parallelism_0_runs_nothing_and_more_than_there_are_slots_waits() {
    let mut server = Server::new(Options::default());
    server.ask(
        http::Method::PUT,
        "/api/v1/pipelines/p",
        &json!({"name": "p", "query": "SELECT 1", "parallelism": 0}),
    );
    assert_eq!(seen(&mut server, 2), recorded("291_parallelism_0_states"));

    let mut options = Options::default();
    options.slots = Some(16);
    let mut server = Server::new(options);
    server.ask(
        http::Method::PUT,
        "/api/v1/pipelines/p",
        &json!({"name": "p", "query": "SELECT 1", "parallelism": 100}),
    );
    assert_eq!(seen(&mut server, 4), recorded("298_parallelism_100_states"));
    server.patch("p", &json!({"stop": "checkpoint"}));
    seen(&mut server, 2);
    assert_eq!(server.job("p")["state"], "Stopped");
}

#[test]
fn a_server_that_was_restarted_begins_what_was_running_anew() {
    let mut server = Server::running("p").restarted(Options::default());
    server.tick();
    let mut lines = vec![server.line("p")];
    server.work();
    lines.push(server.line("p"));
    assert_eq!(
        lines,
        at_run(recorded("622_server_sigint_restart_states"), 2)
    );

    let mut server = stopped("checkpoint").restarted(Options::default());
    assert_eq!(
        seen(&mut server, 2),
        at_run(recorded("624_server_restart_with_stopped_states"), 1)
    );
}

#[test]
fn checkpoints_come_at_their_interval_and_a_start_takes_the_newest() {
    use stepwell_control_plane::Command;
    let mut server = Server::running("p");
    for _ in 0..45 {
        server.tick();
        server.work();
    }
    let job = server_job(&mut server);
    let path = format!("/api/v1/pipelines/p/jobs/{job}/checkpoints");
    let checkpoints = server.ask(http::Method::GET, &path, &Value::Null);
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
