//! Every command that the binary suggests is run as it is printed.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{
    process::{Command, Stdio},
    sync::atomic::Ordering,
};

use rustix::process::Signal;
use support::{
    Left, Running, TestDirectory,
    engine::Engine,
    example,
    pipelines::{AllJobs, Held, holding},
    run,
    server::{arroyo_by_stop, losing_creates, until_stopped},
    stepwell,
};

/// The commands after `next: …:` and `continue with:`.
fn commands(left: &Left) -> Vec<String> {
    let mut lines = left.stderr.lines();
    let mut commands = Vec::new();
    while let Some(line) = lines.next() {
        let is_hint = line.starts_with("next: ") || line.contains("continue with:");
        if is_hint && line.ends_with(':') {
            commands.push(lines.next().unwrap().trim().to_owned());
        }
    }
    commands
}

/// Runs a command in a shell.
fn typed(command: &str) -> Running {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("exec {command}")])
        .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running::start(shell)
}

/// Runs the one command that is suggested.
fn only(left: &Left) -> Left {
    let commands = commands(left);
    let [command] = commands.as_slice() else {
        panic!("{commands:?} in\n{}", left.stderr);
    };
    typed(command).finish()
}

fn is(left: &Left, code: i32, words: &str) {
    assert_eq!(left.code, Some(code), "{}", left.stderr);
    assert!(
        left.stderr.contains(words),
        "{words:?} is missing in\n{}",
        left.stderr
    );
}

fn finite(directory: &TestDirectory) -> String {
    directory.query(
        "event_rate = '1000', message_count = '2'",
        "SELECT counter FROM impulse",
    )
}

#[test]
fn what_is_refused_can_be_had_as_the_hint_says() {
    let directory = TestDirectory::new();
    let (state, query) = (directory.text("state of it"), finite(&directory));
    let with = |more: &[&str]| run(&[&["run", "-s", &state], more, &[&query]].concat());

    let nothing_to_resume = with(&["--resume-only"]);
    is(&nothing_to_resume, 5, "next: create it:");
    is(&only(&nothing_to_resume), 0, "created pipeline");

    let finished = with(&[]);
    is(&finished, 5, "next: start it from the beginning:");
    is(&only(&finished), 0, "is Finished");

    let exists = with(&["--create-only"]);
    is(&exists, 5, "next: resume it:");
    is(&only(&exists), 5, "next: start it from the beginning:");
    is(
        &with(&["--resume-only"]),
        5,
        "next: start it from the beginning:",
    );
    is(&only(&with(&["--resume-only"])), 0, "is Finished");

    for more in [&[][..], &["--find-by", "id"]] {
        let directory = TestDirectory::new();
        let state = directory.text("state");
        assert_eq!(
            run(&["run", "-s", &state, &example("finite.sql")]).code,
            Some(0)
        );
        let others = run(&[&["run", "-s", &state], more, &[&query]].concat());
        let hint = if more.is_empty() {
            "next: create it alongside them:"
        } else {
            "next: create it anyway:"
        };
        is(&others, 5, hint);
        is(&only(&others), 0, "created pipeline");
    }
}

#[test]
fn a_query_is_checked_and_a_number_of_subtasks_lowered() {
    let directory = TestDirectory::new();
    let query = directory.write("it's.sql", "SELEC 1");
    let invalid = run(&["run", &query]);
    is(
        &invalid,
        3,
        "next: fix the query, and check it without running it:",
    );
    directory.write(
        "it's.sql",
        "CREATE TABLE t WITH (connector = 'impulse', event_rate = '1'); SELECT counter FROM t;",
    );
    is(&only(&invalid), 0, "");

    let many = run(&["run", "-p100000", &finite(&directory)]);
    is(&many, 2, "next: use fewer:");
    is(&only(&many), 0, "is Finished");
}

#[test]
fn a_run_goes_on_from_the_directory_that_was_kept() {
    let directory = TestDirectory::new();
    let failed = run(&["run", &example("failing.sql")]);
    is(
        &failed,
        6,
        "next: fix the cause, and restart the pipeline from its last checkpoint:",
    );
    let all = commands(&failed);
    assert_eq!(all.len(), 2, "{}", failed.stderr);
    assert_eq!(all[0], all[1], "both are the same command");
    is(&typed(&all[0]).finish(), 6, "resumed pipeline");

    let query = directory.query("event_rate = '50'", "SELECT counter FROM impulse");
    let mut first = Running::start(stepwell(&["run", "-n", "a name", &query]));
    first.wait_for_row("counter");
    first.signal(Signal::INT);
    let left = first.finish();
    let mut next = typed(&commands(&left)[0]);
    next.wait_for_message("resumed pipeline");
    next.wait_for_row(&format!("{{\"counter\":{}}}", left.stdout.lines().count()));
    next.signal(Signal::INT);
    is(&next.finish(), 0, "with a final checkpoint");
}

#[test]
fn a_pipeline_that_another_client_stopped_is_resumed() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '50'", "SELECT counter FROM impulse");
    let mut running = Running::start(stepwell(&["run", "-s", &directory.text("state"), &query]));
    let engine = running.engine();
    running.wait_for_row("counter");
    is(
        &run(&["stop", "--server", &engine, "query"]),
        0,
        "is Stopped",
    );
    let stopped = running.finish();
    is(&stopped, 1, "next: resume it:");
    let mut next = typed(&commands(&stopped)[0]);
    next.wait_for_row("counter");
    next.signal(Signal::INT);
    is(&next.finish(), 0, "with a final checkpoint");
}

#[test]
fn a_server_is_asked_as_the_hints_say() {
    let query = example("hello.sql");
    let server = until_stopped("Scheduling");
    let late = run(&["run", "--server", &server.url, "--timeout", "4s", &query]);
    is(&late, 7, "next: see its status:");
    let all = commands(&late);
    is(&typed(&all[0]).finish(), 0, "");
    is(&late, 7, "next: wait longer:");
    let mut longer = typed(&all[1]);
    longer.wait_for_message("created pipeline");
    longer.signal(Signal::INT);
    is(&longer.finish(), 130, "interrupted");

    // A stop takes a while.
    let looks = std::sync::atomic::AtomicU32::new(0);
    let server = arroyo_by_stop(move |told| {
        let has_stopped = told && looks.fetch_add(1, Ordering::Relaxed) >= 40;
        Ok(if has_stopped { "Stopped" } else { "Scheduling" })
    });
    let unsettled = run(&[
        "run",
        "--server",
        &server.url,
        "--timeout",
        "4s",
        "--stop-timeout",
        "20ms",
        &query,
    ]);
    is(&unsettled, 8, "may still be running");
    is(&unsettled, 8, "next: stop it:");
    let all = commands(&unsettled);
    is(&typed(&all[0]).finish(), 0, "");
    is(&typed(&all[1]).finish(), 0, "is Stopped");

    let held = ["pl_1", "pl_2"].map(|id| Held::new(id, "orders", "Running", 5));
    let server = holding(held.into(), AllJobs::Whose);
    let unknown = run(&["status", "--server", &server.url, "none"]);
    is(&unknown, 1, "next: list the pipelines:");
    is(&only(&unknown), 0, "");
    let directory = TestDirectory::new();
    let query = directory.write("q.sql", "SELECT 1");
    let ambiguous = run(&["run", "--detach", "--server", &server.url, &query]);
    is(&ambiguous, 5, "next: resume");
    for command in commands(&ambiguous) {
        is(&typed(&command).finish(), 0, "resumed pipeline pl_");
    }
}

#[test]
fn a_create_that_was_not_answered_is_looked_for_as_the_hints_say() {
    let server = losing_creates();
    let lost = run(&[
        "run",
        "--server",
        &server.url,
        "--stop-timeout",
        "500ms",
        &example("hello.sql"),
    ]);
    is(&lost, 8, "may still be running");
    is(&lost, 8, "next: look for it:");
    is(
        &lost,
        8,
        "next: run the same command again, which finds the pipeline if it is there:",
    );
    for command in commands(&lost) {
        let left = typed(&command).finish();
        assert!(
            matches!(left.code, Some(0 | 8)),
            "{command}: {}",
            left.stderr
        );
    }
}

#[test]
fn a_pipeline_that_exists_is_changed_as_the_hints_say() {
    let engine = Engine::start();
    engine.create("one");
    let state = engine.state();
    for place in [["--server", &engine.url], ["--state-dir", &state]] {
        let command = |line: &[&str]| run(&[line, &place].concat());
        let running = command(&["delete", "one"]);
        is(&running, 5, "next: stop it, and delete it then:");
        is(&only(&running), 0, "deleted pipeline one");

        engine.create("one");
        engine.ok(&["stop", "one"]);
        let stopped = command(&["update", "-p", "2", "one"]);
        is(&stopped, 5, "next: start it:");
        is(&only(&stopped), 0, "pipeline one is running");

        let late = command(&["wait", "--for", "finished", "--timeout", "10ms", "one"]);
        is(&late, 7, "next: see its status:");
        is(&late, 7, "next: see what its job has logged:");
        for command in commands(&late) {
            is(&typed(&command).finish(), 0, "");
        }
    }
    engine.create_mended("two");
    let failed = engine.run(&["wait", "--for", "stopped", "two"]);
    is(
        &failed,
        6,
        "next: fix the cause, and restart the pipeline from its last checkpoint:",
    );
    is(&only(&failed), 0, "pipeline two is");
}

/// A new hint must be run here.
#[test]
fn every_hint_with_a_command_is_typed_in() {
    let here = include_str!("hints.rs");
    let source = include_str!("../src/hint.rs");
    let words: Vec<_> = source
        .split("run(")
        .skip(1)
        .filter_map(|call| {
            let call = call.trim_start();
            call.strip_prefix('"')?.split('"').next()
        })
        .collect();
    assert!(words.len() > 12, "{words:?}");
    for words in words {
        let hint = format!("next: {words}");
        assert!(here.contains(&hint), "{hint:?} is not typed in");
    }
}
