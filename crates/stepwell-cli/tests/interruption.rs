//! Signals and standard output of `status`, `list` and `stop`.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{fs::OpenOptions, process::Command};

use rustix::process::Signal;
use support::{
    Running, example,
    pipelines::{AllJobs, Held, holding},
    server::{Reply, Server, arroyo},
    stepwell,
};

const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// Waits for the first request, after which signals are handled.
fn wait_for_a_request(server: &Server, running: &mut Running) {
    while server.requests().is_empty() {
        assert!(!running.has_ended());
        std::thread::yield_now();
    }
}

#[test]
fn a_command_at_a_silent_server_ends_at_a_signal_with_the_code_of_a_shell() {
    let hello = example("hello.sql");
    for command in [
        &["list"][..],
        &["status", "pl_1"],
        &["stop", "pl_1"],
        &["validate", &hello],
    ] {
        for (signal, code) in SIGNALS {
            let server = Server::start(|_, _, _| Reply::Hang);
            let mut running =
                Running::start(stepwell(&[command, &["--server", &server.url]].concat()));
            wait_for_a_request(&server, &mut running);
            running.signal(signal);
            let left = running.finish();
            assert_eq!(left.code, Some(code), "{command:?}: {}", left.stderr);
            assert!(
                left.stderr.contains("error: interrupted by SIG"),
                "{command:?}: {}",
                left.stderr
            );
            assert!(
                !left.stderr.contains("running"),
                "nothing was sent, so nothing is left: {}",
                left.stderr
            );
        }
    }
}

#[test]
fn a_signal_ends_a_wait_for_standard_input() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = stepwell(&["validate"]);
    command.stdin(reader);
    let running = Running::start(command);
    running.wait_until_it_listens();
    running.signal(Signal::INT);
    assert_eq!(running.finish().code, Some(130));
    drop(writer);
}

#[test]
fn a_stop_that_was_sent_is_finished_unless_a_second_signal_comes() {
    // It never stops.
    let server = arroyo(&["Running"]);
    let mut running = Running::start(stepwell(&["-q", "stop", "--server", &server.url, "pl_1"]));
    while !server
        .requests()
        .iter()
        .any(|line| line.starts_with("PATCH"))
    {
        assert!(!running.has_ended());
        std::thread::yield_now();
    }
    running.signal(Signal::TERM);
    // It keeps polling.
    let looks = server.requests().len();
    while server.requests().len() < looks + 3 {
        assert!(!running.has_ended());
        std::thread::yield_now();
    }
    // A second signal right after the first does not count, so it is repeated.
    while !running.has_ended() {
        running.signal(Signal::INT);
        std::thread::yield_now();
    }
    let left = running.finish();
    assert_eq!(left.code, Some(130), "{}", left.stderr);
    assert_eq!(
        left.stderr,
        "error: interrupted by SIGINT; pipeline pl_1 may still be running\n"
    );
}

#[test]
fn a_signal_that_is_ignored_from_the_start_stays_ignored() {
    let server = Server::start(|_, _, _| Reply::Hang);
    let mut command = Command::new("nohup");
    let list = stepwell(&["list", "--server", &server.url]);
    command
        .arg(list.get_program())
        .args(list.get_args())
        .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut running = Running::start(command);
    wait_for_a_request(&server, &mut running);
    running.signal(Signal::HUP);
    running.signal(Signal::TERM);
    let left = running.finish();
    assert_eq!(left.code, Some(143), "{}", left.stderr);
    assert!(left.stderr.contains("by SIGTERM"), "{}", left.stderr);
}

fn one_pipeline() -> Server {
    holding(
        vec![Held::new("pl_1", "orders", "Running", 5)],
        AllJobs::Whose,
    )
}

/// Every command that prints to standard output.
fn printing(server: &Server) -> [Vec<String>; 3] {
    let url = server.url.as_str();
    [
        vec!["list", "--output", "json", "--server", url],
        vec!["status", "--server", url, "pl_1"],
        vec!["validate"],
    ]
    .map(|command| command.into_iter().map(str::to_owned).collect())
}

#[test]
fn a_standard_output_that_is_full_is_1_and_said() {
    let server = one_pipeline();
    for arguments in printing(&server) {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut command = stepwell(&arguments);
        command
            .stdin(std::fs::File::open(example("hello.sql")).unwrap())
            .stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let left = Running::start(command).finish();
        assert_eq!(left.code, Some(1), "{arguments:?}: {}", left.stderr);
        assert!(
            left.stderr.contains("standard output could not be written")
                && left.stderr.contains("No space left on device"),
            "{arguments:?}: {}",
            left.stderr
        );
    }
}

#[test]
fn a_standard_output_that_is_closed_is_no_error() {
    let server = one_pipeline();
    for arguments in printing(&server) {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut command = stepwell(&arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command
            .stdin(std::fs::File::open(example("hello.sql")).unwrap())
            .stdout(writer);
        let left = Running::start(command).finish();
        assert_eq!(left.code, Some(0), "{arguments:?}: {}", left.stderr);
        assert_eq!(left.stderr, "", "{arguments:?}");
    }
}
