//! Bad input, and the errors for it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::os::unix::fs::PermissionsExt as _;

use support::{Running, TestDirectory, example, run, stepwell};

/// Runs a command and checks its exit code and its messages.
fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let left = run(arguments);
    assert_eq!(left.code, Some(code), "{arguments:?}\n{}", left.stderr);
    for word in words {
        assert!(
            left.stderr.contains(word),
            "{word:?} is missing for {arguments:?} in:\n{}",
            left.stderr
        );
    }
    assert_eq!(left.stdout, "");
}

#[test]
fn queries_that_are_none_are_3_and_files_that_are_none_are_2() {
    let directory = TestDirectory::new();
    refused(
        &["run", &directory.write("empty.sql", "")],
        3,
        &["Query is empty!", "next: "],
    );
    refused(
        &["run", &directory.write("blank.sql", " \n\t")],
        3,
        &["Query is empty!"],
    );
    refused(
        &["run", &directory.write("comment.sql", "-- nothing\n")],
        3,
        &["does not contain a query"],
    );
    refused(
        &["run", &directory.write("big.sql", vec![b'x'; 3_000_000])],
        3,
        &["has 3000000 bytes", "at most 2 MB"],
    );
    refused(
        &["run", &directory.write("bytes.sql", b"SELECT \xff")],
        2,
        &["is not UTF-8"],
    );
    refused(
        &["run", &directory.text("missing.sql")],
        2,
        &["could not read the query", "No such file", "next: "],
    );
    refused(
        &["run", &directory.text(".")],
        2,
        &["could not read the query"],
    );
    refused(
        &[
            "run",
            "--udf",
            &directory.write("f.txt", ""),
            &example("hello.sql"),
        ],
        2,
        &["neither .rs nor .py"],
    );
    refused(
        &["run", "-n", "", &example("hello.sql")],
        2,
        &["name is empty"],
    );
    refused(
        &["run", "--token", "x", &example("hello.sql")],
        2,
        &["unexpected argument"],
    );
}

#[test]
fn diagnostics_show_the_line_with_a_caret_and_no_password() {
    let directory = TestDirectory::new();
    let query = directory.query(
        "event_rate = '10', password = 'hunter2'",
        "SELECT missing FROM impulse",
    );
    let left = run(&["validate", &query]);
    assert_eq!(left.code, Some(3));
    assert!(
        left.stderr
            .contains("unknown options provided in WITH clause: 'password'"),
        "{}",
        left.stderr
    );
    let query = directory.query("event_rate = '10'", "SELECT missing FROM impulse");
    let left = run(&["validate", &query]);
    assert!(
        left.stderr.contains("2 | SELECT missing FROM impulse"),
        "{}",
        left.stderr
    );
    assert!(
        left.stderr.contains("  |        ^^^^^^^"),
        "{}",
        left.stderr
    );
    assert!(!left.stderr.contains("hunter2"));
}

#[test]
fn validate_prints_the_plan() {
    let left = run(&["validate", &example("hello.sql")]);
    assert_eq!(left.code, Some(0));
    assert!(
        left.stdout
            .lines()
            .any(|line| line == " 0  impulse     1           Impulse<2 eps>"),
        "{}",
        left.stdout
    );
    let json = run(&["validate", "--output", "json", &example("hello.sql")]);
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(plan["graph"]["nodes"][0]["operator"], "impulse");
}

#[test]
fn state_directories_that_cannot_be_used_are_named_with_their_cause() {
    let directory = TestDirectory::new();
    let query = example("finite.sql");
    refused(
        &["run", "-s", &directory.write("file", ""), &query],
        1,
        &["is not a directory", "next: "],
    );
    refused(
        &["run", "-s", "/proc/stepwell", &query],
        1,
        &["/proc/stepwell", "next: "],
    );

    let state = directory.text("state");
    assert_eq!(run(&["run", "-s", &state, &query]).code, Some(0));
    let mode = std::fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "nobody else can read it");
    let database = directory.path("state").join("stepwell.sqlite");
    let sound = std::fs::read(&database).unwrap();
    for damaged in [&b"garbage"[..], &sound[..sound.len() / 2], &[0; 8192][..]] {
        std::fs::write(&database, damaged).unwrap();
        refused(
            &["run", "-s", &state, &query],
            1,
            &["is damaged", "nothing was changed"],
        );
        assert_eq!(
            std::fs::read(&database).unwrap(),
            damaged,
            "it was left as it was"
        );
    }
    std::fs::write(&database, &sound).unwrap();
    refused(&["run", "-s", &state, &query], 5, &["has finished"]);
}

#[test]
fn a_state_directory_in_use_is_locked() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '10'", "SELECT counter FROM impulse");
    let state = directory.text("state");
    let mut first = Running::start(stepwell(&["run", "-s", &state, &query]));
    first.wait_for_message("is running");
    refused(
        &["run", "-s", &state, &query],
        1,
        &["is in use by process", &first.id().to_string()],
    );
}

#[test]
fn nothing_is_left_behind_by_a_query_that_is_not_valid() {
    let directory = TestDirectory::new();
    let mut command = stepwell(&["run", &directory.write("empty.sql", "")]);
    command.env("TMPDIR", directory.path(""));
    assert_eq!(Running::start(command).finish().code, Some(3));
    let left: Vec<_> = std::fs::read_dir(directory.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["empty.sql"]);
}

/// Neither a dropped line nor a number in another unit goes unsaid.
#[cfg(feature = "embedded")]
#[test]
fn what_a_file_loses_is_said() {
    let directory = TestDirectory::new();
    let file = directory.write("in.json", "{\n  \"at\": 1\n}\n{\"at\": 1704067200000}\n");
    let query = directory.write(
        "q.sql",
        format!(
            "CREATE TABLE src (at TIMESTAMP) WITH (connector = 'single_file', path = '{file}', type = 'source', bad_data = 'drop',
                wait_for_control = 'false');
             SELECT at FROM src;"
        ),
    );
    let left = run(&["run", "-s", &directory.text("state"), &query]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    for words in [
        format!(
            "source_src_0 drops lines that are not rows; the first is {file}, line 1: the file is JSON that is spread over lines"
        ),
        format!(
            "source_src_0 has dropped 3 lines in this run; the first is {file}, line 1: the file is JSON"
        ),
        format!("{file}, line 4: 1704067200000 in column \"at\" counts nanoseconds since 1970"),
    ] {
        assert_eq!(
            left.stderr.matches(&words).count(),
            1,
            "{words}\n{}",
            left.stderr
        );
    }
}
