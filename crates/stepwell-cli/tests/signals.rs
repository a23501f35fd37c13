//! Signals at every moment of `run`, and messages about trouble.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::process::Command;

use rustix::process::Signal;
use support::{
    Running, TestDirectory, example, run,
    server::{Reply, Server, json, made},
    stepwell,
};

/// An Arroyo that never answers this request or any later one.
fn silent_at(method: &'static str, path: &'static str) -> Server {
    Server::start_on(move |request| {
        let asked_method = request.method.as_str();
        let asked_path = request.path.split('?').next().unwrap_or_default();
        if asked_method == method && asked_path.ends_with(path) {
            return Reply::Hang;
        }
        match (asked_method, asked_path) {
            ("GET", "/api/v1/ping") => json("\"Pong\""),
            ("POST", "/api/v1/pipelines/validate_query") => {
                json(r#"{"graph":{"nodes":[],"edges":[]},"errors":[]}"#)
            }
            ("GET", "/api/v1/pipelines") => json(r#"{"data":[],"hasMore":false}"#),
            ("PUT", _) => Reply::Whole(405, "", String::new()),
            ("GET", path) if path.ends_with("/jobs") => json(
                r#"{"data":[{"id":"job_1","running_desired":true,"state":"Scheduling","run_id":1,"start_time":1,"finish_time":null,"tasks":3,"failure_reason":null,"created_at":1}]}"#,
            ),
            _ => json(&made(&request.text)),
        }
    })
}

/// The step at which the server stops answering, and what is known by then: nothing, a name, or an id.
#[test]
fn a_signal_in_any_step_ends_the_run_and_names_what_may_be_running() {
    for (method, path, code, named) in [
        ("GET", "/ping", 130, None),
        ("POST", "/validate_query", 130, None),
        ("GET", "/pipelines", 130, None),
        (
            "POST",
            "/pipelines",
            8,
            Some("pipeline \"hello\" may still be running"),
        ),
        (
            "GET",
            "/jobs",
            8,
            Some("pipeline \"hello\" (pl_1) may still be running"),
        ),
    ] {
        let server = silent_at(method, path);
        let mut running = Running::start(stepwell(&[
            "-q",
            "run",
            "-n",
            "hello",
            "--server",
            &server.url,
            "--stop-timeout",
            "300ms",
            &example("hello.sql"),
        ]));
        let asked = format!("{method} ");
        while !server.requests().iter().any(|request| {
            let path_of = request.split('?').next().unwrap();
            request.starts_with(&asked) && path_of.ends_with(path)
        }) {
            assert!(!running.has_ended(), "{path}");
            std::thread::yield_now();
        }
        running.signal(Signal::INT);
        let left = running.finish();
        assert_eq!(left.code, Some(code), "{path}: {}", left.stderr);
        match named {
            Some(words) => assert!(left.stderr.contains(words), "{path}: {}", left.stderr),
            None => assert!(!left.stderr.contains("running"), "{path}: {}", left.stderr),
        }
    }
}

/// `timeout -s INT` and a terminal send the signal to the process and to its group.
#[test]
fn two_signals_at_once_are_one() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '200'", "SELECT counter FROM impulse");
    for round in 0..10 {
        let mut running =
            Running::start(stepwell(&["run", "-s", &directory.text("state"), &query]));
        running.wait_for_row("counter");
        // The signals are pending while the process is stopped, and are delivered together.
        for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
            running.signal(signal);
        }
        let left = running.finish();
        assert_eq!(left.code, Some(0), "round {round}: {}", left.stderr);
        assert!(
            left.stderr.contains("is Stopped with a final checkpoint"),
            "round {round}: {}",
            left.stderr
        );
    }
}

/// Like a pager that does not read on.
#[test]
fn signals_count_while_standard_error_is_blocked() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '50'", "SELECT counter FROM impulse");
    let mut command = stepwell(&["run", "-s", &directory.text("state"), &query]);
    let (_reader, writer) = support::full_pipe();
    command.stderr(writer);
    let mut running = Running::start(command);
    running.wait_until_it_listens();
    running.signal_until_ended(Signal::INT);
    assert_eq!(running.finish().code, Some(130));
}

#[test]
fn a_hangup_stops_a_run_unless_it_is_ignored() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '50'", "SELECT counter FROM impulse");
    let ran = stepwell(&["run", "-s", &directory.text("state"), &query]);
    let mut command = Command::new("nohup");
    command
        .arg(ran.get_program())
        .args(ran.get_args())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut ignoring = Running::start(command);
    ignoring.wait_for_row("counter");
    ignoring.signal(Signal::HUP);
    // It continues to print rows until another signal stops it.
    for _ in 0..5 {
        ignoring.wait_for_row("counter");
    }
    ignoring.signal(Signal::TERM);
    let left = ignoring.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(
        left.stderr.contains("a second signal quits"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_server_that_dies_is_one_line_and_one_when_it_is_back() {
    let looks = std::sync::Mutex::new(0);
    let server = support::server::arroyo_with_jobs(move || {
        let mut looks = looks.lock().unwrap();
        *looks += 1;
        match *looks {
            // Three kinds of failure in turn.
            10..40 => Err(match *looks % 3 {
                0 => Reply::Raw(Vec::new()),
                1 => Reply::Whole(502, "text/html", "<p>bad".to_owned()),
                _ => Reply::Whole(503, "application/json", r#"{"error":"busy"}"#.to_owned()),
            }),
            40.. => Ok("Finished"),
            _ => Ok("Running"),
        }
    });
    let left = run(&["run", "--server", &server.url, &example("hello.sql")]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let lines = |words: &str| left.stderr.matches(words).count();
    assert_eq!(lines("trying again"), 1, "{}", left.stderr);
    assert_eq!(
        lines("the server is answering again after "),
        1,
        "{}",
        left.stderr
    );
}

#[test]
fn a_bad_line_is_told_with_its_place_while_the_job_is_restarted() {
    let directory = TestDirectory::new();
    let data = directory.write("data.json", "{\"n\":1}\n{\"n\":\"x\"}\n");
    let query = directory.write(
        "q.sql",
        format!(
            "CREATE TABLE events (n BIGINT) WITH (connector = 'single_file', path = '{data}', format = 'json', type = 'source');\n\
             SELECT n FROM events;\n"
        ),
    );
    let mut running = Running::start(stepwell(&["run", "-s", &directory.text("state"), &query]));
    let told = running.wait_for_message("warning: job job_");
    assert!(
        told.contains("data.json") && told.contains("line 2") && told.contains("\"n\""),
        "{told}"
    );
    running.signal(Signal::INT);
    let left = running.finish();
    let of_trouble = left.stderr.matches("data.json, line 2").count();
    assert!(
        of_trouble <= 2,
        "once when it begins, and once at the end: {}",
        left.stderr
    );
}

#[test]
fn words_of_a_server_are_escaped() {
    let server = support::server::arroyo_with_jobs(|| Ok("\\u001b[2JMigrating"));
    let mut running = Running::start(stepwell(&[
        "run",
        "--server",
        &server.url,
        &example("hello.sql"),
    ]));
    let line = running.wait_for_message("Migrating");
    assert!(line.contains("\\u{1b}[2JMigrating"), "{line:?}");
    running.signal_until_ended(Signal::INT);
}

/// A table that has gone stands for a disk that is full: nothing can be saved.
#[test]
fn a_run_whose_state_cannot_be_saved_stops_within_seconds() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '50'", "SELECT counter FROM impulse");
    let mut running = Running::start(stepwell(&["run", "-s", &directory.text("state"), &query]));
    running.wait_for_row("counter");
    let database = directory.path("state").join("stepwell.sqlite");
    let rename = |statement: &str| {
        rusqlite::Connection::open(&database)
            .unwrap()
            .execute_batch(statement)
            .unwrap();
    };
    rename("ALTER TABLE records RENAME TO away");
    running.signal(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(1), "{}", left.stderr);
    assert!(
        left.stderr.contains("ended without a final checkpoint"),
        "{}",
        left.stderr
    );

    rename("ALTER TABLE away RENAME TO records");
    let mut again = Running::start(stepwell(&["run", "-s", &directory.text("state"), &query]));
    again.wait_for_row("counter");
    again.signal(Signal::INT);
    assert_eq!(again.finish().code, Some(0));
}
