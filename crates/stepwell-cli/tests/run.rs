//! `stepwell run` on the embedded engine.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use rustix::process::Signal;
use support::{Place, Running, example, full_pipe, run, stepwell};

#[test]
fn a_finite_query_prints_its_rows_and_ends_with_0() {
    let left = run(&["run", &example("finite.sql")]);
    let rows: Vec<_> = left.stdout.lines().collect();
    let expected = [0, 2, 4, 6, 8].map(|n| format!(r#"{{"counter":{n},"square":{}}}"#, n * n));
    assert_eq!(rows, expected, "{}", left.stderr);
    assert_eq!(left.code, Some(0));
    for line in [
        "connect: done in",
        "validate: done in",
        "resolve: done in",
        "created pipeline sw_",
        "is Finished",
    ] {
        assert!(
            left.stderr.contains(line),
            "{line:?} is missing in:\n{}",
            left.stderr
        );
    }
    assert!(!left.stderr.contains("kept"), "{}", left.stderr);
}

/// Without `--state-dir` the state is in a new directory, which stays only when there is something to go on from.
#[test]
fn a_new_directory_for_the_state_stays_only_if_it_is_of_use() {
    let place = Place::new();
    let entries = || std::fs::read_dir(place.path("")).unwrap().count();
    let with_room = |arguments: &[&str]| {
        let mut command = stepwell(arguments);
        command.env("TMPDIR", place.path(""));
        Running::start(command)
    };
    assert_eq!(
        with_room(&["run", &example("finite.sql")]).finish().code,
        Some(0)
    );
    assert_eq!(entries(), 0, "it has finished");
    let invalid = place.write("invalid.sql", "SELEC");
    assert_eq!(with_room(&["run", &invalid]).finish().code, Some(3));
    assert_eq!(entries(), 1, "there is no pipeline");

    let mut running = with_room(&["run", "-n", "mine", &example("hello.sql")]);
    running.wait_for_row("counter");
    running.signal(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert_eq!(entries(), 2, "{}", left.stderr);
    let command = left.stderr.lines().last().unwrap().trim();
    assert!(
        command.contains("run -n mine") && command.contains("--state-dir"),
        "{}",
        left.stderr
    );
}

/// Worked out by hand. The row at 09:00:52 comes 20 s late, which the watermark allows.
#[test]
fn windows_over_a_file_come_as_rows() {
    let place = Place::new();
    let mut command = stepwell(&["run", "-s", &place.text("state"), "examples/orders.sql"]);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let left = Running::start(command).finish();
    let mut rows: Vec<_> = left.stdout.lines().collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            r#"{"minute":"2026-11-25T09:00:00","shop":"north","orders":2,"amount":42}"#,
            r#"{"minute":"2026-11-25T09:00:00","shop":"south","orders":2,"amount":16}"#,
            r#"{"minute":"2026-11-25T09:01:00","shop":"north","orders":1,"amount":5}"#,
            r#"{"minute":"2026-11-25T09:02:00","shop":"south","orders":1,"amount":21}"#,
        ],
        "{}",
        left.stderr
    );
    assert_eq!(left.code, Some(0));
}

#[test]
fn a_signal_stops_with_a_final_checkpoint_and_the_next_run_goes_on_exactly() {
    let place = Place::new();
    let query = place.query("event_rate = '50'", "SELECT counter FROM impulse");
    let mut counters = Vec::new();
    for signal in [Signal::INT, Signal::TERM, Signal::INT] {
        let mut running = Running::start(stepwell(&["run", "-s", &place.text("state"), &query]));
        running.wait_for_message("is running");
        running.wait_for_row("counter");
        running.signal(signal);
        let left = running.finish();
        assert_eq!(left.code, Some(0), "{}", left.stderr);
        assert!(
            left.stderr.contains("is Stopped with a final checkpoint"),
            "{}",
            left.stderr
        );
        let rows = left.stdout.lines().map(|row| {
            row.trim_start_matches("{\"counter\":")
                .trim_end_matches('}')
                .parse::<u64>()
                .unwrap()
        });
        counters.extend(rows);
    }
    assert!(counters.len() >= 3);
    assert!(
        counters.iter().copied().eq(0..counters.len() as u64),
        "no row twice, none lost: {counters:?}"
    );
}

#[test]
fn a_second_signal_leaves_at_once_and_says_what_is_left() {
    let place = Place::new();
    // Nobody reads the rows, so the engine cannot write its last ones and the stop cannot end.
    let query = place.query("event_rate = '1000'", "SELECT counter FROM impulse");
    let mut command = stepwell(&["run", "-s", &place.text("state"), &query]);
    let (_reader, writer) = full_pipe();
    command.stdout(writer);
    let mut running = Running::start(command);
    running.wait_for_message("is running");
    running.signal(Signal::INT);
    running.wait_for_message("press Ctrl-C again to quit immediately");
    running.signal_until_ended(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(130), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("quit on a second SIGINT; pipeline sw_")
            && left.stderr.contains("ends without a final checkpoint"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_stop_that_does_not_come_true_in_time_is_8() {
    let place = Place::new();
    let query = place.query("event_rate = '1000'", "SELECT counter FROM impulse");
    let mut command = stepwell(&[
        "run",
        "-s",
        &place.text("state"),
        "--stop-timeout",
        "300ms",
        &query,
    ]);
    let (_reader, writer) = full_pipe();
    command.stdout(writer);
    let mut running = Running::start(command);
    running.wait_for_message("is running");
    running.signal(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(8), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("ends without a final checkpoint: it was not seen stopped"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_killed_run_is_resumed() {
    let place = Place::new();
    let query = place.query("event_rate = '50'", "SELECT counter FROM impulse");
    let mut killed = Running::start(stepwell(&["run", "-s", &place.text("state"), &query]));
    killed.wait_for_row("counter");
    killed.signal(Signal::KILL);
    assert_eq!(killed.finish().code, None);

    let mut next = Running::start(stepwell(&["run", "-s", &place.text("state"), &query]));
    next.wait_for_message("resumed pipeline");
    next.wait_for_row("{\"counter\":0}");
    next.wait_for_message("is running");
    next.signal(Signal::INT);
    assert_eq!(next.finish().code, Some(0));
}

#[test]
fn a_failing_query_is_6_with_its_reason() {
    let place = Place::new();
    let query = place.query(
        "event_rate = '1000'",
        "SELECT 100 / (5 - CAST(counter AS BIGINT)) AS x FROM impulse",
    );
    let left = run(&["run", "-s", &place.text("state"), &query]);
    assert_eq!(left.code, Some(6), "{}", left.stderr);
    assert!(
        left.stderr.contains("(user error): Divide by zero error"),
        "{}",
        left.stderr
    );
    assert!(left.stderr.contains("next: "), "{}", left.stderr);
    assert_eq!(left.stdout.lines().count(), 5);
}

#[test]
fn other_pipelines_are_refused_with_5_and_forced() {
    let place = Place::new();
    let state = place.text("state");
    assert_eq!(
        run(&["run", "-s", &state, &example("finite.sql")]).code,
        Some(0)
    );

    let other = place.query(
        "event_rate = '1000', message_count = '2'",
        "SELECT counter FROM impulse",
    );
    let refused = run(&["run", "-s", &state, &other]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("\"finite\" (sw_"),
        "it names them: {}",
        refused.stderr
    );
    assert!(refused.stderr.contains(" --force\n"), "{}", refused.stderr);
    assert_eq!(
        run(&["run", "-s", &state, "--force", &other]).stdout,
        "{\"counter\":0}\n{\"counter\":1}\n"
    );

    let finished = run(&["run", "-s", &state, &other]);
    assert_eq!(finished.code, Some(5));
    assert!(
        finished.stderr.contains(" --new-run\n"),
        "{}",
        finished.stderr
    );
    assert_eq!(
        run(&["run", "-s", &state, "--new-run", &other]).stdout,
        "{\"counter\":0}\n{\"counter\":1}\n"
    );
}

#[test]
fn a_pipeline_can_be_looked_for_by_its_id_alone() {
    let place = Place::new();
    let state = place.text("state");
    let by_id = ["run", "-s", &state, "--find-by", "id"];
    let with = |more: &[&str]| run(&[&by_id, more].concat());
    let finite = place.query(
        "event_rate = '1000', message_count = '2'",
        "SELECT counter FROM impulse",
    );
    let rows = "{\"counter\":0}\n{\"counter\":1}\n";
    assert_eq!(with(&[&finite]).stdout, rows);
    let again = with(&[&finite]);
    assert_eq!(again.code, Some(5), "{}", again.stderr);
    assert!(again.stderr.contains(" --new-run\n"));
    assert_eq!(with(&["--new-run", &finite]).stdout, rows);

    let refused = with(&[&example("finite.sql")]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("no pipeline has the id sw_")
            && refused.stderr.contains(" --force\n"),
        "{}",
        refused.stderr
    );
    assert_eq!(with(&["--force", &example("finite.sql")]).code, Some(0));
}

#[test]
fn intents_are_kept() {
    let place = Place::new();
    let state = place.text("state");
    let query = place.query("event_rate = '50'", "SELECT counter FROM impulse");
    let none = run(&["run", "-s", &state, "--resume-only", &query]);
    assert_eq!(none.code, Some(5), "{}", none.stderr);
    assert!(
        none.stderr.contains("there is no pipeline to resume"),
        "{}",
        none.stderr
    );

    let plan = run(&["run", "-s", &state, "--dry-run", "--id", "mine", &query]);
    assert_eq!(plan.code, Some(0));
    assert!(
        plan.stderr
            .contains("would create pipeline \"query\" with the id mine"),
        "{}",
        plan.stderr
    );
    assert_eq!(plan.stdout, "");

    let mut running = Running::start(stepwell(&[
        "run",
        "-s",
        &state,
        "--create-only",
        "--id",
        "mine",
        &query,
    ]));
    running.wait_for_message("created pipeline mine");
    running.wait_for_message("is running");
    running.signal(Signal::INT);
    assert_eq!(running.finish().code, Some(0));

    let again = run(&["run", "-s", &state, "--create-only", &query]);
    assert_eq!(again.code, Some(5));
    assert!(
        again.stderr.contains("has this query already"),
        "{}",
        again.stderr
    );
    let plan = run(&["run", "-s", &state, "--dry-run", "-p", "3", &query]);
    assert!(
        plan.stderr
            .contains("which is Stopped: tell it to run, then set its parallelism to 3"),
        "{}",
        plan.stderr
    );
}

#[test]
fn a_closed_pipe_is_a_wish_to_stop() {
    let place = Place::new();
    let query = place.query("event_rate = '1000'", "SELECT counter FROM impulse");
    let mut command = stepwell(&["run", "-s", &place.text("state"), &query]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdout(writer);
    let mut running = Running::start(command);
    running.wait_for_message("is running");
    drop(reader);
    let left = running.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(
        left.stderr.contains("is Stopped with a final checkpoint"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_closed_standard_error_is_no_reason_to_fail() {
    let mut command = stepwell(&["run", &example("finite.sql")]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stderr(writer);
    drop(reader);
    let left = Running::start(command).finish();
    assert_eq!((left.code, left.stdout.lines().count()), (Some(0), 5));
}

#[test]
fn the_query_can_come_from_standard_input() {
    let query = std::fs::File::open(example("finite.sql")).unwrap();
    let mut command = stepwell(&["run", "-q"]);
    command.stdin(query);
    let left = Running::start(command).finish();
    assert_eq!(
        (left.code, left.stdout.lines().count(), left.stderr.as_str()),
        (Some(0), 5, "")
    );
}

#[test]
fn json_is_one_object_a_line() {
    let place = Place::new();
    let left = run(&[
        "run",
        "--output",
        "json",
        "-s",
        &place.text("state"),
        &example("finite.sql"),
    ]);
    let events: Vec<serde_json::Value> = left
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    for name in [
        "destination",
        "step_started",
        "step_finished",
        "resolved",
        "job_state",
        "running",
        "ended",
    ] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let refused = run(&[
        "run",
        "--output",
        "json",
        "-s",
        &place.text("state"),
        &example("finite.sql"),
    ]);
    let last: serde_json::Value =
        serde_json::from_str(refused.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        (
            last["event"].as_str(),
            last["exit_code"].as_u64(),
            refused.code
        ),
        (Some("error"), Some(5), Some(5))
    );
}
