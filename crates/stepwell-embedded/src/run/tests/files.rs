//! Files as sources and sinks.

use std::{fmt::Write as _, fs, path::Path};

use super::*;

pub(super) fn source(path: &Path, columns: &str, options: &str) -> String {
    format!(
        "CREATE TABLE src ({columns}) WITH (connector = 'single_file', path = '{}', type = 'source'{options});\n",
        path.display()
    )
}

fn sink(path: &Path, columns: &str) -> String {
    format!(
        "CREATE TABLE dst ({columns}) WITH (connector = 'single_file', path = '{}', format = 'json', type = 'sink');\n",
        path.display()
    )
}

pub(super) const GO: &str = ", wait_for_control = 'false'";

#[tokio::test(start_paused = true)]
async fn lines_become_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(
        &path,
        "{\"n\": 1, \"s\": \"ä\\n\"}\r\n\n{\"s\": null, \"more\": {}}\n   \n{\"n\": 9007199254740993}",
    )
    .unwrap();
    let query = format!("{}SELECT * FROM src", source(&path, "n BIGINT, s TEXT", GO));
    let (rows, end) = run(program(&query).execute(None).unwrap()).await;
    end.unwrap();
    assert_eq!(
        rows,
        [
            r#"{"n":1,"s":"ä\n"}"#,
            r#"{"n":null,"s":null}"#,
            r#"{"n":9007199254740993,"s":null}"#
        ]
    );
    fs::write(&path, "").unwrap();
    assert!(
        run(program(&query).execute(None).unwrap())
            .await
            .0
            .is_empty()
    );
}

/// There are as many rows as lines, yet none of these lines is a row.
#[tokio::test(start_paused = true)]
async fn a_row_is_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    for text in [
        "{\"n\":1}{\"n\":2\n}\n",
        "{\"s\":{}\n,\"n\":1}{\"n\":2}\n",
        "{\"n\":1}{\"s\":[\"{}\n{}\"]}\n",
        "{\"n\":1}{\"s\":{}\n{\"n\":1}}\n",
        "{\"n\":1}{\"n\":1}\n{}{}\n\n",
    ] {
        fs::write(&path, text).unwrap();
        let query = format!("{}SELECT n FROM src", source(&path, "n BIGINT", GO));
        let (rows, end) = run(program(&query).execute(None).unwrap()).await;
        assert!(rows.is_empty(), "{text}: {rows:?}");
        assert!(end.unwrap_err().error.starts_with("bad data in "), "{text}");
    }
}

/// Recording `301_missing_file_jobs`.
#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_fails_the_run() {
    let directory = tempfile::tempdir().unwrap();
    for (name, cause) in [
        ("missing.json", "No such file or directory (os error 2)"),
        (".", "it is not a regular file"),
    ] {
        let path = directory.path().join(name);
        let query = format!("{}SELECT n FROM src", source(&path, "n BIGINT", GO));
        let (_, end) = run(program(&query).execute(None).unwrap()).await;
        let error = end.unwrap_err();
        assert_eq!(
            error.error,
            format!(
                "error in connector: failed to open file '{}': {cause}",
                path.display()
            )
        );
        assert_eq!((error.domain, error.retryable), (ErrorDomain::User, false));
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_option_a_line_follows_a_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(&path, "{\"n\": 1}\n{\"n\": 2}\n").unwrap();
    let query = format!("{}SELECT n FROM src", source(&path, "n BIGINT", ""));
    let mut execution = program(&query).execute(None).unwrap();
    for row in [r#"{"n":1}"#, r#"{"n":2}"#] {
        assert_eq!(lines(&execution.next().await.unwrap().unwrap()), [row]);
        let waits = tokio::time::timeout(Duration::from_secs(3600), execution.next()).await;
        assert!(waits.is_err());
        execution.checkpoint().await.unwrap();
    }
    assert!(execution.next().await.unwrap().unwrap().printed.is_empty());
    assert!(execution.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sink_has_each_row_once_however_a_run_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (
        directory.path().join("in.json"),
        directory.path().join("deep/out.json"),
    );
    let mut text = String::new();
    for n in 0..20_000 {
        writeln!(text, "{{\"n\":{n}}}").unwrap();
    }
    fs::write(&from, &text).unwrap();
    let query = format!(
        "{}{}INSERT INTO dst SELECT n FROM src",
        source(&from, "n BIGINT", GO),
        sink(&to, "n BIGINT")
    );
    let program = program(&query);
    run(program.execute(None).unwrap()).await.1.unwrap();
    assert_eq!(fs::read_to_string(&to).unwrap(), text);
    // A run that ends without a checkpoint, some batches after its last one.
    for (kept, lost) in [(0, 2), (1, 0), (2, 1), (3, 3)] {
        let mut first = program.execute(None).unwrap();
        for _ in 0..kept {
            first.next().await.unwrap().unwrap();
        }
        let state = first.checkpoint().await.unwrap();
        for _ in 0..lost {
            first.next().await.unwrap();
        }
        drop(first);
        run(program.execute(Some(&state)).unwrap()).await.1.unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), text, "{kept} and {lost}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_guarded_against_others() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (
        directory.path().join("in.json"),
        directory.path().join("out.json"),
    );
    fs::write(&from, "{\"n\":1}\n").unwrap();
    let write_to = |to: &Path| {
        let query = format!(
            "{}{}INSERT INTO dst SELECT n FROM src",
            source(&from, "n BIGINT", GO),
            sink(to, "n BIGINT")
        );
        program(&query)
    };
    let fails = async |program: &Program, state: Option<&[Vec<u8>]>, cause: &str| {
        let (_, end) = run(program.execute(state).unwrap()).await;
        let error = end.expect_err(cause);
        assert!(error.error.contains(cause), "{error:?}");
    };
    let mut first = write_to(&to).execute(None).unwrap();
    first.next().await.unwrap();
    fails(&write_to(&to), None, "another pipeline writes to it").await;
    let state = first.checkpoint().await.unwrap();
    drop(first);
    fs::write(&to, "").unwrap();
    fails(
        &write_to(&to),
        Some(&state),
        "it has 0 bytes, and the checkpoint knows of 8",
    )
    .await;
    fails(&write_to(directory.path()), None, "failed to open").await;
    // Also under another name.
    std::os::unix::fs::symlink(&from, directory.path().join("link.json")).unwrap();
    fails(
        &write_to(&directory.path().join("link.json")),
        None,
        "the query reads it",
    )
    .await;
    fs::hard_link(&from, directory.path().join("hard.json")).unwrap();
    fails(
        &write_to(&directory.path().join("hard.json")),
        None,
        "the query reads it",
    )
    .await;
    assert_eq!(fs::read_to_string(&from).unwrap(), "{\"n\":1}\n");
}

/// Opening a pipe blocks until its other end is opened.
#[tokio::test(start_paused = true)]
async fn a_pipe_is_neither_read_nor_written() {
    let directory = tempfile::tempdir().unwrap();
    let (file, pipe) = (
        directory.path().join("a.json"),
        directory.path().join("pipe"),
    );
    fs::write(&file, "{\"n\":1}\n").unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for (from, to) in [(&file, &pipe), (&pipe, &file)] {
        let query = format!(
            "{}{}INSERT INTO dst SELECT n FROM src",
            source(from, "n BIGINT", GO),
            sink(to, "n BIGINT")
        );
        let (_, end) = run(program(&query).execute(None).unwrap()).await;
        let error = end.unwrap_err();
        assert!(error.error.contains("not a regular file"), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_cannot_open_all_its_files_leaves_them_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (
        directory.path().join("in.json"),
        directory.path().join("out.json"),
    );
    fs::write(&from, "{\"n\":1}\n").unwrap();
    fs::write(&to, "mine\n").unwrap();
    let link = directory.path().join("link.json");
    std::os::unix::fs::symlink(&to, &link).unwrap();
    let query = format!(
        "{}{}{}INSERT INTO dst SELECT n FROM src; INSERT INTO other SELECT n FROM src",
        source(&from, "n BIGINT", GO),
        sink(&to, "n BIGINT"),
        sink(&link, "n BIGINT").replace("TABLE dst", "TABLE other"),
    );
    let (_, end) = run(program(&query).execute(None).unwrap()).await;
    assert!(end.unwrap_err().error.contains("writes to it"));
    assert_eq!(fs::read_to_string(&to).unwrap(), "mine\n");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_changed_meanwhile_fails_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (
        directory.path().join("in.json"),
        directory.path().join("out.json"),
    );
    fs::write(&from, "{\"n\":1}\n").unwrap();
    let query = format!(
        "{}{}INSERT INTO dst SELECT n FROM src",
        source(&from, "n BIGINT", GO),
        sink(&to, "n BIGINT")
    );
    let program = program(&query);
    for (removed, text, cause) in [
        (true, None, "removed or replaced"),
        (true, Some("{\"n\":1}\n"), "removed or replaced"),
        (false, Some(""), "it has 0 bytes, and 8 were written"),
    ] {
        let mut execution = program.execute(None).unwrap();
        execution.next().await.unwrap();
        execution.checkpoint().await.unwrap();
        if removed {
            fs::remove_file(&to).unwrap();
        }
        if let Some(text) = text {
            fs::write(&to, text).unwrap();
        }
        let error = execution.checkpoint().await.unwrap_err();
        assert!(error.error.contains(cause), "{error:?}");
        assert!(!error.retryable, "{error:?}");
        drop(execution);
        // A run from the beginning repairs it.
        run(program.execute(None).unwrap()).await.1.unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "{\"n\":1}\n");
    }
}

#[tokio::test(start_paused = true)]
async fn generated_columns_and_several_inserts_share_a_source() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (
        directory.path().join("in.json"),
        directory.path().join("out.json"),
    );
    fs::write(
        &from,
        "{\"n\":1,\"t\":1704067200}\n{\"n\":2,\"t\":1704067260}\n",
    )
    .unwrap();
    let query = format!(
        "{}{}INSERT INTO dst SELECT n FROM src WHERE n > 1; INSERT INTO dst SELECT n * 10 FROM src; SELECT n, at FROM src;",
        source(
            &from,
            "n BIGINT, t BIGINT, at TIMESTAMP GENERATED ALWAYS AS (to_timestamp(t)) STORED",
            &format!("{GO}, event_time_field = 'at'")
        ),
        sink(&to, "n BIGINT")
    );
    let planned = plan(&query, 1).unwrap();
    let (rows, end) = run(planned.program.execute(None).unwrap()).await;
    end.unwrap();
    assert_eq!(
        rows,
        [
            r#"{"n":1,"at":"2024-01-01T00:00:00"}"#,
            r#"{"n":2,"at":"2024-01-01T00:01:00"}"#
        ]
    );
    let mut written: Vec<_> = fs::read_to_string(&to)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    written.sort();
    assert_eq!(written, [r#"{"n":10}"#, r#"{"n":20}"#, r#"{"n":2}"#]);
    assert_eq!(
        planned
            .graph
            .nodes()
            .iter()
            .filter(|node| node.operator == "single_file")
            .count(),
        2
    );
}
