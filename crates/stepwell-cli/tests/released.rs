//! The messages for the release 0.15.0.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use rustix::process::Signal;
use serde_json::Value;
use support::{
    Running, example,
    released::{Job, released},
    run,
    server::Server,
    stepwell,
};

/// The last line of JSON with this event.
fn told(stderr: &str, event: &str) -> Value {
    let mut lines = stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .rfind(|line| line["event"] == event)
        .unwrap_or_else(|| panic!("no {event}: {stderr}"))
}

fn start(server: &Server) -> Running {
    Running::start(stepwell(&[
        "run",
        "--server",
        &server.url,
        &example("hello.sql"),
    ]))
}

#[test]
fn a_final_checkpoint_that_was_seen_is_told_and_one_that_was_not_is_not_denied() {
    for (job, words, value) in [
        (
            Job::Stops(1),
            "pipeline pl_1 is Stopped with a final checkpoint",
            Value::Bool(true),
        ),
        (
            Job::Stops(0),
            "pipeline pl_1 is Stopped (whether a final checkpoint was made is not known)",
            Value::Null,
        ),
    ] {
        let server = released(job, true);
        let left = run(&["stop", "--server", &server.url, "pl_1"]);
        assert_eq!(left.code, Some(0), "{}", left.stderr);
        assert!(left.stderr.contains(words), "{}", left.stderr);

        let server = released(job, true);
        let left = run(&["stop", "--output", "json", "--server", &server.url, "pl_1"]);
        assert_eq!(left.code, Some(0), "{}", left.stderr);
        let stopped = told(&left.stderr, "stopped");
        assert_eq!(stopped["final_checkpoint"], value, "{stopped}");

        let server = released(job, false);
        let mut running = start(&server);
        running.wait_for_message("is running");
        running.signal(Signal::INT);
        let left = running.finish();
        assert_eq!(left.code, Some(0), "{}", left.stderr);
        assert!(left.stderr.contains(words), "{}", left.stderr);
    }
}

#[test]
fn a_stop_that_ends_as_failed_is_told_in_the_servers_words() {
    let server = released(Job::FailsToStop, true);
    let left = run(&["stop", "--server", &server.url, "pl_1"]);
    assert_eq!(left.code, Some(6), "{}", left.stderr);
    assert!(
        left.stderr.contains("failed: failed while stopping job"),
        "{}",
        left.stderr
    );

    let server = released(Job::FailsToStop, false);
    let mut running = start(&server);
    running.wait_for_message("is running");
    running.signal(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(6), "{}", left.stderr);
    assert!(
        left.stderr.contains("failed while stopping job"),
        "{}",
        left.stderr
    );
}

/// A new run every second, Running at every poll, and an empty log.
#[test]
fn a_restart_loop_without_a_reason_is_told_when_it_begins_and_how_often_it_restarted_at_its_end() {
    let server = released(Job::Restarts(1_000_000), false);
    let mut running = start(&server);
    let line = running.wait_for_message("warning: job job_1");
    assert!(
        line.contains("restarted") && line.contains("the server gives no reason"),
        "{line}"
    );
    running.signal(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(6), "{}", left.stderr);
    assert!(left.stderr.contains("been restarted"), "{}", left.stderr);

    // Waiting until it stays Running fails with the reason.
    let left = run(&[
        "run",
        "--detach",
        "--stable-for",
        "2s",
        "--timeout",
        "1s",
        "--server",
        &released(Job::Restarts(1_000_000), false).url,
        &example("hello.sql"),
    ]);
    assert_ne!(left.code, Some(0), "{}", left.stderr);
    assert!(
        left.stderr.contains("it restarted") && left.stderr.contains("the server gives no reason"),
        "{}",
        left.stderr
    );

    let left = run(&[
        "run",
        "--server",
        &released(Job::Restarts(5), false).url,
        &example("hello.sql"),
    ]);
    assert_eq!(left.code, Some(6), "{}", left.stderr);
    assert!(
        left.stderr.contains("Job has restarted too many times"),
        "{}",
        left.stderr
    );
}
