//! Lines of a file that are not rows.

use std::{fs, path::Path};

use super::{
    files::{GO, source},
    *,
};

fn select(path: &Path, columns: &str, options: &str) -> Program {
    let options = format!("{GO}{options}");
    program(&format!(
        "{}SELECT n FROM src",
        source(path, columns, &options)
    ))
}

/// Recordings `376_bad_data_fail_nowait_jobs` and `378_bad_data_drop_nowait_jobs`.
#[tokio::test(start_paused = true)]
async fn lines_that_are_no_rows_fail_or_are_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    for bad in [
        "nope",
        "{\"n\": \"x\"}",
        "{}",
        "{\"n\": 1} {\"n\": 2}",
        "[1]",
        "{\"n\": 1",
    ] {
        fs::write(
            &path,
            format!("{{\"n\": 1}}\n\n{{\"n\": 2}}\n{bad}\n{{\"n\": 3}}\n{bad}\n"),
        )
        .unwrap();
        let columns = "n BIGINT NOT NULL";
        let (rows, end) = run(select(&path, columns, "").execute(None).unwrap()).await;
        assert_eq!(rows, [r#"{"n":1}"#, r#"{"n":2}"#], "{bad}");
        let error = end.expect_err(bad);
        let place = format!("{}, line 4: ", path.display());
        let begin = format!("bad data in {place}");
        assert!(error.error.starts_with(&begin), "{error:?}");
        assert_eq!(
            (error.domain, error.retryable),
            (ErrorDomain::External, true)
        );
        let dropping = select(&path, columns, ", bad_data = 'drop'");
        let mut execution = dropping.execute(None).unwrap();
        let first = execution.next().await.unwrap().unwrap();
        assert_eq!(
            lines(&first),
            [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#],
            "{bad}"
        );
        let dropped = first.dropped.unwrap();
        assert_eq!(
            (dropped.operator.as_str(), dropped.rows),
            ("source_src_0", 2)
        );
        assert!(dropped.error.starts_with(&place), "{dropped:?}");
        run(execution).await.1.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_line_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    let bigint = "n BIGINT";
    for (columns, line, why) in [
        (
            bigint,
            r#"{"n": "x"}"#,
            r#""x" is not a BIGINT (column "n")"#,
        ),
        (
            bigint,
            r#"{"n": [1, 2]}"#,
            r#"[1, 2] is not a BIGINT (column "n")"#,
        ),
        (
            "n INT",
            r#"{"n": 3000000000}"#,
            r#"3000000000 is not an INT (column "n")"#,
        ),
        (
            "n BIGINT, \"Größe\" DOUBLE",
            r#"{"n": 1, "Größe": "wide"}"#,
            r#""wide" is not a DOUBLE (column "Größe")"#,
        ),
        (
            "n BIGINT, at TIMESTAMP",
            r#"{"n": 1, "at": "today"}"#,
            r#""today" is not a TIMESTAMP (column "at")"#,
        ),
        (
            "n BIGINT, d DECIMAL(3, 1)",
            r#"{"n": 1, "d": "12345"}"#,
            r#""12345" is not a DECIMAL(3, 1) (column "d")"#,
        ),
        (
            "n BIGINT, tags BIGINT[]",
            r#"{"n": 1, "tags": ["a"]}"#,
            r#"["a"] is not a BIGINT[] (column "tags")"#,
        ),
        (
            "n BIGINT NOT NULL",
            r#"{"m": 1}"#,
            r#"column "n" is missing, and it is NOT NULL"#,
        ),
        (
            "n BIGINT NOT NULL",
            r#"{"n": null}"#,
            r#"null in column "n", which is NOT NULL"#,
        ),
        (bigint, "[1]", "[1] is not a JSON object"),
        (bigint, r#""Zeile""#, r#""Zeile" is not a JSON object"#),
        (bigint, "n m", "n m is not a JSON object"),
        (
            bigint,
            r#"{"ä": 1, nope}"#,
            "it is not JSON: key must be a string at character 10",
        ),
        (
            bigint,
            r#"{"n": 1} {"n": 2}"#,
            "it is not JSON: trailing characters at character 10",
        ),
        (
            bigint,
            r#"{"n": 1"#,
            "the line ends before its JSON object does; an object has to be on one line",
        ),
        // Control characters are escaped, and long values are shortened.
        (
            bigint,
            "{\"n\": \"\u{7f}\u{9b}2J\"}",
            r#""\u{7f}\u{9b}2J" is not a BIGINT (column "n")"#,
        ),
        (
            bigint,
            r#"{"n": "0123456789012345678901234567890123456789"}"#,
            r#""012345678901234567890123456789012345678… is not a BIGINT (column "n")"#,
        ),
    ] {
        fs::write(&path, format!("{line}\n")).unwrap();
        let (_, end) = run(select(&path, columns, "").execute(None).unwrap()).await;
        let expected = format!("bad data in {}, line 1: {why}", path.display());
        assert_eq!(end.expect_err(line).error, expected);
    }
    fs::write(&path, b"{\"n\": \"\xff\"}\n").unwrap();
    let (_, end) = run(select(&path, bigint, "").execute(None).unwrap()).await;
    let error = end.unwrap_err().error;
    assert!(error.ends_with("line 1: byte 8 is not UTF-8"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_no_json_lines_is_said_to_be_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    let spread = "the file is JSON that is spread over lines; write each object on one line";
    let array = "the file is a JSON array; write each of its objects on a line of its own";
    let csv = "the file looks like CSV; write each row as a JSON object on one line";
    for (text, words) in [
        (&b"{\n  \"n\": 1\n}\n"[..], spread),
        (b"\xef\xbb\xbf{\r\n  \"n\": 1\r\n}\r\n", spread),
        (b"[\n{\"n\": 1}\n]\n", array),
        (b"[{\"n\": 1}, {\"n\": 2}]\n", array),
        (b"n,m\n1,2\n", csv),
        (b"\"n\";\"m\"\n1;2\n", csv),
        (b"n\tm\n", csv),
        (
            b"\x1f\x8b\x08\x00\n",
            "the file is compressed with gzip; decompress it",
        ),
        (
            b"\xff\xfe{\0\"\0n\0\n",
            "the file is UTF-16; write it as UTF-8",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let (_, end) = run(select(&path, "n BIGINT", "").execute(None).unwrap()).await;
        let expected = format!("bad data in {}, line 1: {words}", path.display());
        assert_eq!(end.unwrap_err().error, expected);
        let dropping = select(&path, "n BIGINT", ", bad_data = 'drop'");
        let output = dropping
            .execute(None)
            .unwrap()
            .next()
            .await
            .unwrap()
            .unwrap();
        assert!(output.dropped.unwrap().error.ends_with(words), "{words}");
    }
    // Further down a file is what it was.
    fs::write(&path, "{\"n\": 1}\nn,m\n").unwrap();
    let (_, end) = run(select(&path, "n BIGINT", "").execute(None).unwrap()).await;
    let error = end.unwrap_err().error;
    assert!(
        error.ends_with("line 2: n,m is not a JSON object"),
        "{error}"
    );
}

/// What was dropped since the last report is not lost when the run is stopped.
#[tokio::test(start_paused = true)]
async fn all_dropped_lines_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(&path, "nope\n".repeat(10_000)).unwrap();
    let dropping = select(&path, "n BIGINT", ", bad_data = 'drop'");
    let mut execution = dropping.execute(None).unwrap();
    let mut counted = 0;
    for _ in 0..2 {
        let output = execution.next().await.unwrap().unwrap();
        counted += output.dropped.map_or(0, |dropped| dropped.rows);
    }
    assert_eq!(counted, 4096, "reports are rate-limited");
    counted += execution
        .dropped()
        .iter()
        .map(|dropped| dropped.rows)
        .sum::<u64>();
    assert_eq!(counted, 8192);
}

/// A run that resumes from a checkpoint knows only the offset.
#[tokio::test(start_paused = true)]
async fn lines_are_numbered_from_the_first_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(&path, "{\"n\": 1}\n\n{\"n\": 2}\n{\"n\": 0}\n\nnope\n").unwrap();
    let source = source(&path, "n BIGINT", "");
    let program = program(&format!("{source}SELECT 1 / n FROM src"));
    let mut first = program.execute(None).unwrap();
    first.next().await.unwrap().unwrap();
    first.checkpoint().await.unwrap();
    first.next().await.unwrap().unwrap();
    let state = first.checkpoint().await.unwrap();
    let failed = first.next().await.unwrap_err();
    assert!(failed.error.contains("Divide by zero"), "{failed:?}");

    fs::write(&path, "{\"n\": 1}\n\n{\"n\": 2}\n{\"n\": 3}\n\nnope\n").unwrap();
    let mut second = program.execute(Some(&state)).unwrap();
    second.next().await.unwrap().unwrap();
    second.checkpoint().await.unwrap();
    let error = second.next().await.unwrap_err().error;
    assert!(
        error.contains(", line 6: nope is not a JSON object"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    for (text, count) in [
        ("\u{feff}{\"n\": 0}\n{\"n\": 1}\n", 2),
        ("\u{feff}\n{\"n\": 0}\n", 1),
        ("\u{feff}", 0),
    ] {
        fs::write(&path, text).unwrap();
        let (rows, end) = run(select(&path, "n BIGINT", "").execute(None).unwrap()).await;
        end.unwrap();
        let expected: Vec<_> = (0..count).map(|n| format!("{{\"n\":{n}}}")).collect();
        assert_eq!(rows, expected, "{text:?}");
    }
    // Only at the very beginning.
    fs::write(&path, "{\"n\": 0}\n\u{feff}{\"n\": 1}\n").unwrap();
    let (rows, end) = run(select(&path, "n BIGINT", "").execute(None).unwrap()).await;
    assert_eq!(rows.len(), 1);
    assert!(end.unwrap_err().error.contains("line 2"));
}

/// With `bad_data = 'drop'` every line would be skipped.
#[test]
fn columns_that_no_line_can_have_are_refused() {
    let query = |kind: &str| {
        let columns = format!("n {kind}");
        format!(
            "{}SELECT n FROM src",
            source(Path::new("in.json"), &columns, GO)
        )
    };
    for kind in ["INTERVAL", "STRUCT<a INTERVAL>"] {
        let errors = plan(&query(kind), 1).map(|_| ()).expect_err(kind);
        assert!(
            errors[0].message.contains("cannot be read from a file"),
            "{errors:?}"
        );
    }
    for kind in [
        "BIGINT",
        "DOUBLE",
        "TEXT",
        "BOOLEAN",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "DATE",
        "TIME",
        "BYTEA",
        "DECIMAL(40, 2)",
        "TEXT[]",
        "STRUCT<a BIGINT[]>",
    ] {
        assert!(plan(&query(kind), 1).is_ok(), "{kind}");
    }
}
