//! `--server`: an Arroyo, and servers that are not.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod not_arroyo;
#[path = "../support/mod.rs"]
mod support;

use std::{net::TcpListener, process::Command};

use rustix::process::Signal;
use support::{
    Left, Running, TestDirectory, example, run,
    server::{Reply, Server, arroyo, json, losing_creates},
    stepwell,
};

fn submit(server: &Server, arguments: &[&str]) -> Left {
    let query = example("hello.sql");
    let mut all = vec!["run", "--server", &server.url];
    all.extend(arguments);
    all.push(&query);
    run(&all)
}

fn refused(left: &Left, code: i32, words: &[&str]) {
    assert_eq!(left.code, Some(code), "{}", left.stderr);
    for word in words {
        assert!(
            left.stderr.contains(word),
            "{word:?} is missing in:\n{}",
            left.stderr
        );
    }
}

#[test]
fn a_state_that_nobody_knows_is_waited_through() {
    let server = arroyo(&["Created", "Migrating", "Running", "Finished"]);
    let left = submit(&server, &[]);
    refused(
        &left,
        0,
        &[
            "job job_1 is Migrating",
            "pipeline pl_1 is running",
            "pipeline pl_1 is Finished",
        ],
    );
    // The plan has no preview.
    let requests = server.requests();
    assert!(!requests.iter().any(|request| request.ends_with("/output")));
    assert!(!left.stderr.contains("row"), "{}", left.stderr);
}

#[test]
fn a_wait_that_takes_too_long_is_7_and_stops_what_it_started() {
    const STATES: [&str; 401] = {
        let mut states = ["Scheduling"; 401];
        states[400] = "Stopped";
        states
    };
    let server = arroyo(&STATES);
    let left = submit(&server, &["--timeout", "4s"]);
    refused(
        &left,
        7,
        &[
            "was not running within",
            "last seen in Scheduling",
            "next: wait longer:",
            "--timeout 20m",
        ],
    );
    assert!(
        server
            .requests()
            .iter()
            .any(|request| request.starts_with("PATCH")),
        "{:?}",
        server.requests()
    );
}

#[test]
fn a_create_whose_outcome_is_unknown_is_8() {
    let server = losing_creates();
    let left = submit(&server, &["--stop-timeout", "500ms"]);
    refused(
        &left,
        8,
        &[
            "may still be running",
            "its create was sent and not answered",
        ],
    );
    let creates = server
        .requests()
        .iter()
        .filter(|request| *request == "POST /api/v1/pipelines")
        .count();
    assert_eq!(creates, 1, "{:?}", server.requests());
}

#[test]
fn a_pipeline_can_be_left_to_itself() {
    let server = arroyo(&["Created", "Running"]);
    let left = submit(&server, &["--no-wait"]);
    refused(&left, 0, &["pl_1 was submitted, and stays on the server"]);
    assert!(
        !server
            .requests()
            .iter()
            .any(|request| request.ends_with("/jobs")),
        "nothing was waited for"
    );

    let server = arroyo(&["Created", "Running"]);
    let left = submit(&server, &["--detach"]);
    refused(&left, 0, &["pl_1 is running, and stays on the server"]);
    assert!(!left.stderr.contains("Ctrl-C"), "{}", left.stderr);
    assert!(
        !server
            .requests()
            .iter()
            .any(|request| request.starts_with("PATCH"))
    );
}

#[test]
fn somebody_elses_stop_is_said() {
    let server = arroyo(&["Running", "Running"]);
    let mut running = Running::start(submitting(&server));
    running.wait_for_message("is running");
    let left = run(&[
        "stop",
        "--server",
        &server.url,
        "--stop-timeout",
        "3s",
        "pl_1",
    ]);
    assert_eq!(left.code, Some(8), "its job never stops: {}", left.stderr);
    running.signal(Signal::INT);
}

fn submitting(server: &Server) -> Command {
    stepwell(&["run", "--server", &server.url, &example("hello.sql")])
}

#[test]
fn list_status_and_stop_work_on_a_running_engine() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '10'", "SELECT counter FROM impulse");
    let mut running = Running::start(stepwell(&[
        "run",
        "-n",
        "mine",
        "--id",
        "my-id",
        "-s",
        &directory.text("state"),
        &query,
    ]));
    let url = running.engine();

    let list = run(&["list", "--server", &url]);
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    assert!(
        list.stdout.lines().any(|line| line.starts_with("my-id ")
            && line.contains("Running")
            && line.ends_with("mine")),
        "{}",
        list.stdout
    );
    let status = run(&["status", "--server", &url, "my-id"]);
    assert!(
        status.stdout.contains("state        Running"),
        "{}",
        status.stdout
    );
    let json = run(&["status", "--output", "json", "--server", &url, "my-id"]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json.stdout).unwrap()["job"]["state"],
        "Running"
    );
    let missing = run(&["status", "--server", &url, "nobody"]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stderr.contains("Pipeline not found"),
        "{}",
        missing.stderr
    );

    let stop = run(&["stop", "--server", &url, "my-id"]);
    assert_eq!(stop.code, Some(0), "{}", stop.stderr);
    assert!(
        stop.stderr
            .contains("my-id is Stopped with a final checkpoint"),
        "{}",
        stop.stderr
    );
    let left = running.finish();
    assert_eq!(left.code, Some(1), "{}", left.stderr);
    assert!(
        left.stderr.contains("was stopped by another client"),
        "{}",
        left.stderr
    );
}

#[test]
fn neither_token_nor_password_is_ever_shown() {
    let directory = TestDirectory::new();
    let query = directory.write("q.sql", "CREATE TABLE t (a INT) WITH (connector = 'kafka', password = 'hunter2');\nSELECT a FROM t;\n");
    let server = Server::start(|number, _, _| match number {
        0 => json("\"Pong\""),
        _ => Reply::Whole(
            500,
            "application/json",
            r#"{"error":"out of luck"}"#.to_owned(),
        ),
    });
    let mut command = stepwell(&[
        "run",
        "-vvv",
        "--server",
        &server.url,
        "--timeout",
        "60s",
        &query,
    ]);
    command.env("STEPWELL_TOKEN", "t0p-s3cret");
    let mut running = Running::start(command);
    running.wait_for_message("out of luck");
    running.signal(Signal::INT);
    let left = running.finish();
    assert!(
        left.stderr.contains("http.request.method"),
        "it is verbose: {}",
        left.stderr
    );
    for secret in ["t0p-s3cret", "hunter2"] {
        assert!(
            !left.stderr.contains(secret) && !left.stdout.contains(secret),
            "{secret} in:\n{}",
            left.stderr
        );
    }
}
