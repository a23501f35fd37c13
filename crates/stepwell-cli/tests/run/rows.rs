//! What a run prints, and how it ends by itself.

use crate::support::{Running, TestDirectory, example, run, stepwell};

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

/// Computed by hand. The row at 09:00:52 is 20 s late, which the watermark allows.
#[test]
fn windows_over_a_file_come_as_rows() {
    let directory = TestDirectory::new();
    let mut command = stepwell(&["run", "-s", &directory.text("state"), "examples/orders.sql"]);
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
fn a_closed_standard_error_is_no_reason_to_fail() {
    let mut command = stepwell(&["run", &example("finite.sql")]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stderr(writer);
    drop(reader);
    let left = Running::start(command).finish();
    assert_eq!((left.code, left.stdout.lines().count()), (Some(0), 5));
}

#[test]
fn json_is_one_object_a_line() {
    let directory = TestDirectory::new();
    let left = run(&[
        "run",
        "--output",
        "json",
        "-s",
        &directory.text("state"),
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
        &directory.text("state"),
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

#[test]
fn a_failing_query_is_6_with_its_reason() {
    let directory = TestDirectory::new();
    let query = directory.query(
        "event_rate = '1000'",
        "SELECT 100 / (5 - CAST(counter AS BIGINT)) AS x FROM impulse",
    );
    let left = run(&["run", "-s", &directory.text("state"), &query]);
    assert_eq!(left.code, Some(6), "{}", left.stderr);
    assert!(
        left.stderr.contains("(user error): Divide by zero error"),
        "{}",
        left.stderr
    );
    assert!(left.stderr.contains("next: "), "{}", left.stderr);
    assert_eq!(left.stdout.lines().count(), 5);
}
