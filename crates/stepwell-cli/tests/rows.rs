//! `run --server` of a bare `SELECT`: its rows, from an engine over sockets and from servers that follow a script.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::Stdio,
    sync::Mutex,
};

use rustix::process::Signal;
use stepwell_embedded::Engine;
use support::{
    Running, run,
    server::{Reply, Server, json, made},
    stepwell,
};

/// An engine that runs elsewhere, and a query for it.
struct Elsewhere {
    runtime: tokio::runtime::Runtime,
    engine: Option<Engine>,
    directory: tempfile::TempDir,
}

impl Elsewhere {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::builder(directory.path().join("state"))
            .rows(Box::new(std::io::sink()))
            .start();
        let engine = Some(runtime.block_on(engine).unwrap());
        Self {
            runtime,
            engine,
            directory,
        }
    }

    fn arguments(&self, options: &str) -> [String; 4] {
        let query = self.directory.path().join("query.sql");
        let text = format!(
            "CREATE TABLE impulse WITH (connector = 'impulse', {options}); SELECT counter FROM impulse;"
        );
        std::fs::write(&query, text).unwrap();
        let url = self.engine.as_ref().unwrap().url();
        let query = query.to_str().unwrap().to_owned();
        ["run".to_owned(), "--server".to_owned(), url, query]
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.engine.take().unwrap().close());
    }
}

fn counters(stdout: &str) -> Vec<u64> {
    let counter = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line, format!("{{\"counter\":{}}}", row["counter"]));
        row["counter"].as_u64().unwrap()
    };
    stdout.lines().map(counter).collect()
}

fn start(arguments: &[String]) -> Running {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Running::start(stepwell(&arguments))
}

#[test]
fn rows_of_a_finite_query_are_shown_to_the_last() {
    let elsewhere = Elsewhere::start();
    let arguments = elsewhere.arguments("event_rate = '50', message_count = '100'");
    let left = start(&arguments).finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(left.stderr.contains("is Finished"), "{}", left.stderr);
    let rows = counters(&left.stdout);
    let first = rows[0];
    assert!(rows.into_iter().eq(first..100), "{}", left.stdout);
    // Rows that were produced before they could be read are reported as missed.
    let missed = format!(
        "warning: {first} row{} not shown",
        if first == 1 { " was" } else { "s were" }
    );
    assert_eq!(
        left.stderr.contains(&missed),
        first > 0,
        "{first} in:\n{}",
        left.stderr
    );
}

#[test]
fn a_signal_stops_with_a_checkpoint_and_the_same_command_goes_on() {
    let elsewhere = Elsewhere::start();
    let arguments = elsewhere.arguments("event_rate = '50'");
    let mut first = start(&arguments);
    first.wait_for_row("\"counter\":30}");
    first.signal(Signal::INT);
    let first = first.finish();
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first.stderr.contains("is Stopped with a final checkpoint"),
        "{}",
        first.stderr
    );
    let rows = counters(&first.stdout);
    let (begin, end) = (rows[0], rows[rows.len() - 1] + 1);
    assert!(rows.into_iter().eq(begin..end), "{}", first.stdout);

    let mut second = start(&arguments);
    second.wait_for_row("\"counter\":");
    second.signal(Signal::TERM);
    let second = second.finish();
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert!(second.stderr.contains("resumed pipeline"));
    // No row is repeated. Some may be missing, because they were produced before they could be read, and their number is not known.
    assert!(
        counters(&second.stdout)[0] >= end,
        "{end}: {}",
        second.stdout
    );
}

#[test]
fn a_closed_pipe_is_a_wish_to_stop() {
    let elsewhere = Elsewhere::start();
    let arguments = elsewhere.arguments("event_rate = '50'");
    let mut command = stepwell(&[]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.args(&arguments).stdout(writer);
    let running = Running::start(command);
    let mut row = String::new();
    let mut reader = BufReader::new(reader);
    reader.read_line(&mut row).unwrap();
    assert!(row.starts_with("{\"counter\":"), "{row}");
    drop(reader);
    let left = running.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(left.stderr.contains("is Stopped"), "{}", left.stderr);
}

#[test]
fn rows_that_cannot_be_written_stop_the_pipeline_and_are_1() {
    let elsewhere = Elsewhere::start();
    let arguments = elsewhere.arguments("event_rate = '50'");
    let mut command = stepwell(&[]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    command.args(&arguments).stdout(Stdio::from(full));
    let left = Running::start(command).finish();
    assert_eq!(left.code, Some(1), "{}", left.stderr);
    for words in ["is Stopped", "standard output could not be written"] {
        assert!(left.stderr.contains(words), "{words} in:\n{}", left.stderr);
    }
}

/// A server whose job is Running until its output was read once for each answer, and then Finished.
fn scripted(answers: Vec<Reply>) -> Server {
    let answers = Mutex::new(answers.into_iter());
    let graph = r#"{"graph":{"nodes":[{"node_id":4,"operator":"preview","description":"PreviewSink","parallelism":1}],"edges":[]},"errors":[]}"#;
    Server::start_on(move |request| {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("GET", "/api/v1/ping") => json("\"Pong\""),
            ("POST", "/api/v1/pipelines/validate_query") => json(graph),
            ("PUT", _) => Reply::Whole(405, "", String::new()),
            ("GET", "/api/v1/pipelines") => json(r#"{"data":[],"hasMore":false}"#),
            ("GET", "/api/v1/pipelines/pl_1/jobs/job_1/output") => {
                answers.lock().unwrap().next().unwrap_or_else(not_running)
            }
            ("GET", path) if path.ends_with("/jobs") => {
                let ended = answers.lock().unwrap().len() == 0;
                let state = if ended { "Finished" } else { "Running" };
                json(&format!(
                    r#"{{"data":[{{"id":"job_1","running_desired":true,"state":"{state}","run_id":1,"start_time":1,"finish_time":null,"tasks":3,"failure_reason":null,"created_at":1}}]}}"#
                ))
            }
            _ => json(&made(&request.text)),
        }
    })
}

fn not_running() -> Reply {
    Reply::Whole(
        400,
        "application/json",
        r#"{"error":"Job must be running to read output"}"#.to_owned(),
    )
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A stream of these events, each with the number of its first row.
fn stream(events: &[(u64, &str)], end: &str) -> Reply {
    Reply::Raw((HEAD.to_owned() + &chunks(events) + end).into_bytes())
}

fn chunks(events: &[(u64, &str)]) -> String {
    let mut text = String::new();
    for (start_id, batch) in events {
        let event = serde_json::json!({"operator_id": "o", "subtask_idx": 0, "timestamps": [], "start_id": start_id, "batch": batch});
        let event = format!("data: {event}\nid: 0\n\n");
        let _ = write!(text, "{:x}\r\n{event}\r\n", event.len());
    }
    text
}

const WHOLE: &str = "0\r\n\r\n";

fn query() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let query = directory.path().join("query.sql");
    std::fs::write(&query, "SELECT 1").unwrap();
    (directory, query)
}

#[test]
fn rows_stay_as_they_are_over_refusals_and_streams_that_break() {
    let server = scripted(vec![
        not_running(),
        not_running(),
        stream(
            &[
                (0, r#"[{"a":18446744073709551615,"b":1.0},{"a": "ü\n"}]"#),
                (2, "[\n{}\n]"),
            ],
            "",
        ),
        stream(&[(10, "[{\"a\":10}]"), (4, "[{\"a\":4}]")], WHOLE),
    ]);
    let (_directory, query) = query();
    let left = run(&["run", "--server", &server.url, query.to_str().unwrap()]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert_eq!(
        left.stdout,
        "{\"a\":18446744073709551615,\"b\":1.0}\n{\"a\": \"ü\\n\"}\n{}\n{\"a\":10}\n{\"a\":4}\n"
    );
    assert!(!left.stderr.contains("must be running"), "{}", left.stderr);
    for words in [
        "could not read the rows of the pipeline \"pl_1\"",
        "warning: 7 rows were not shown",
        "warning: the pipeline has restarted, from the beginning or from a checkpoint",
        "pipeline pl_1 is Finished",
    ] {
        assert!(left.stderr.contains(words), "{words} in:\n{}", left.stderr);
    }
    assert!(!left.stderr.contains("last rows"), "{}", left.stderr);
}

#[test]
fn rows_that_come_after_the_end_are_waited_for_in_bounded_time() {
    let late = chunks(&[(1, "[1]")]) + WHOLE;
    for (pause, rows, warned) in [(100, "0\n1\n", false), (600_000, "0\n", true)] {
        let first = HEAD.to_owned() + &chunks(&[(0, "[0]")]);
        let pieces = vec![(0, first.into_bytes()), (pause, late.clone().into_bytes())];
        // The job is Finished as soon as the stream is open.
        let server = scripted(vec![Reply::Pieces(pieces)]);
        let (_directory, query) = query();
        let left = run(&["run", "--server", &server.url, query.to_str().unwrap()]);
        assert_eq!((left.code, left.stdout.as_str()), (Some(0), rows));
        let words = "may not be shown";
        assert_eq!(left.stderr.contains(words), warned, "{}", left.stderr);
    }
}

#[test]
fn what_may_be_missing_at_the_end_is_said() {
    let server = scripted(vec![stream(&[(0, "[{}]")], "")]);
    let (_directory, query) = query();
    let left = run(&["run", "--server", &server.url, query.to_str().unwrap()]);
    assert_eq!((left.code, left.stdout.as_str()), (Some(0), "{}\n"));
    assert!(left.stderr.contains("the last rows may not be shown"));
}

#[test]
fn rows_that_cannot_be_read_are_a_warning_that_does_not_show_them() {
    let server = scripted(vec![
        stream(&[(0, "[{\"a\":\"hunter2\"}")], WHOLE),
        not_running(),
    ]);
    let (_directory, query) = query();
    let arguments = ["run", "--server", &server.url, query.to_str().unwrap()];
    let mut running = Running::start(stepwell(&arguments));
    let warning = running.wait_for_message("no more rows are shown");
    assert!(!warning.contains("hunter2"), "{warning}");
    running.signal(Signal::INT);
    running.wait_for_message("stopping pipeline pl_1");
    running.signal_until_ended(Signal::INT);
    assert_eq!(running.finish().code, Some(130));
}

#[test]
fn rows_that_cannot_be_written_come_before_the_stop_that_failed_too() {
    // The job never stops.
    let server = scripted(vec![stream(&[(0, "[{}]")], WHOLE), not_running()]);
    let (_directory, query) = query();
    let mut command = stepwell(&[
        "run",
        "--server",
        &server.url,
        "--stop-timeout",
        "300ms",
        query.to_str().unwrap(),
    ]);
    command.stdout(
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap(),
    );
    let left = Running::start(command).finish();
    assert_eq!(left.code, Some(8), "{}", left.stderr);
    let first = left.stderr.find("standard output could not be written");
    let then = left.stderr.find("may still be running");
    assert!(first.is_some() && first < then, "{}", left.stderr);
}

/// With all log lines, at the highest level: the stream breaks off, and another one is read to its end.
#[test]
fn rows_are_in_no_log() {
    let rows = [(0, "[{\"a\":\"hunter2\"}]")];
    let server = scripted(vec![stream(&rows, ""), stream(&rows, WHOLE)]);
    let (_directory, query) = query();
    let file = query.to_str().unwrap();
    let mut command = stepwell(&["-vvv", "run", "--server", &server.url, file]);
    command.env("RUST_LOG", "trace");
    let left = Running::start(command).finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(left.stdout.contains("hunter2"), "{}", left.stdout);
    assert!(left.stderr.contains("/output"), "{}", left.stderr);
    assert!(!left.stderr.contains("hunter2"), "{}", left.stderr);
}
