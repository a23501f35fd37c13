//! Values that have no text, and numbers that do not fit their columns.

use std::{fs, path::Path};

use super::{
    files::{GO, source},
    *,
};

/// The rows of a query over a file of these lines, and how the run ended.
async fn read(
    columns: &str,
    options: &str,
    lines: &[&str],
    select: &str,
) -> (Vec<String>, Result<(), ExecutionError>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(&path, lines.join("\n")).unwrap();
    let options = format!("{GO}{options}");
    let query = format!("{}{select}", source(&path, columns, &options));
    run(program(&query).execute(None).unwrap()).await
}

/// Neither the text of an error nor anything else that is no value is written.
#[tokio::test(start_paused = true)]
async fn a_value_without_a_text_fails_its_row() {
    let huge = "99999999999999";
    for (select, column) in [
        (format!("to_timestamp_seconds({huge} * n) AS x"), "x"),
        (
            format!("named_struct('a', to_timestamp_seconds({huge} * n)) AS x"),
            "a",
        ),
        (format!("CAST({huge} * n AS TIMESTAMP(0)) AS x"), "x"),
        (
            format!("arrow_cast({huge} * 1000 * n, 'Duration(Second)') AS x"),
            "x",
        ),
        (
            format!("arrow_cast({huge} * n, 'Time64(Nanosecond)') AS x"),
            "x",
        ),
        (
            "arrow_cast(CAST(2000000000 * n AS INT), 'Date32') AS x".to_owned(),
            "x",
        ),
    ] {
        let lines = [r#"{"n": 0}"#, r#"{"n": 1}"#];
        let select = format!("SELECT {select} FROM src");
        let (rows, end) = read("n BIGINT", "", &lines, &select).await;
        assert_eq!(rows.len(), 1, "{select}: {rows:?}");
        let error = end.expect_err(&select).error;
        let begin = format!("a value of column '{column}' cannot be written: it is out of range");
        assert!(error.starts_with(&begin), "{select}: {error}");
    }
}

/// A file is as it was before the failing row, though another sink comes first.
#[tokio::test(start_paused = true)]
async fn no_sink_has_rows_of_a_batch_that_another_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(&path, "{\"n\":0}\n{\"n\":0}\n{\"n\":1}\n").unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let query = format!(
        "{}CREATE TABLE a (n BIGINT) WITH (connector = 'single_file', path = '{}', type = 'sink');
         CREATE TABLE b (n TIMESTAMP(0)) WITH (connector = 'single_file', path = '{}', type = 'sink');
         INSERT INTO a SELECT n FROM src;
         INSERT INTO b SELECT to_timestamp_seconds(99999999999999 * n) FROM src;",
        source(&path, "n BIGINT", GO),
        file("a.json"),
        file("b.json")
    );
    let (_, end) = run(program(&query).execute(None).unwrap()).await;
    assert!(end.is_err());
    for name in ["a.json", "b.json"] {
        let text = fs::read_to_string(file(name)).unwrap();
        assert_eq!(text.lines().count(), 2, "{name}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_row_is_json() {
    let select = "SELECT CAST(n AS DECIMAL(5, -2)) AS a, CAST(n AS DECIMAL(5, 2)) AS b, CAST(n AS DECIMAL(2, 2)) AS c, \
        0.0 / CAST(n AS DOUBLE) AS d, 1.0 / CAST(n AS DOUBLE) AS e, interval '1 day' AS f, s FROM src";
    let lines = [r#"{"n": 0, "s": "\u0000\"\\\ud83d\ude00"}"#];
    let (rows, end) = read("n BIGINT, s TEXT", "", &lines, select).await;
    end.unwrap();
    let row: serde_json::Value =
        serde_json::from_str(&rows[0]).unwrap_or_else(|error| panic!("{error}: {rows:?}"));
    assert_eq!(row["a"], 0, "{rows:?}");
    assert!(row["d"].is_null() && row["e"].is_null(), "{rows:?}");
    assert_eq!(row["s"], "\0\"\\\u{1f600}");
}

/// What can be read can be written, and reads the same again.
#[tokio::test(start_paused = true)]
async fn a_number_that_does_not_fit_is_bad_data() {
    for (kind, values) in [
        (
            "BIGINT",
            &[
                "1.9",
                "-9223372036854775809",
                "9007199254740993.0",
                "1e-400",
                "1e400",
            ][..],
        ),
        ("BIGINT UNSIGNED", &["-0.5", "-1", "18446744073709551616"]),
        ("TINYINT", &["128", "-129", "1.27e2e"]),
        (
            "DOUBLE",
            &[
                "1e400",
                "-1e400",
                "\"1e400\"",
                "01",
                "+1",
                ".5",
                "1.",
                "NaN",
                "0x1",
            ],
        ),
        ("REAL", &["1e39", "\"-1e39\""]),
        ("DECIMAL(3, 1)", &["123.4", "12.34", "\"12.34\"", "1e-2"]),
        (
            "DATE",
            &["1704067200", "1.5", "-2000000000", "\"2024-02-30\""],
        ),
        ("TIME", &["86400000000000", "-1", "1e30", "\"24:00:01\""]),
        ("TIMESTAMP", &["1.5", "1e19", "\"3000-01-01\""]),
        ("TIMESTAMP(3)", &["1704067200000000000"]),
        ("TIMESTAMP(0)", &["99999999999999"]),
        ("BIGINT[]", &["[1, 1.9]", "[1,]", "[,1]", "[1,,2]"]),
        ("STRUCT<a BIGINT>", &["{\"a\": 1.9}", "{\"a\": 1,}"]),
        (
            "TEXT",
            &["1", "\"\u{1}\"", "\"a\tb\"", "\"\\x\"", "\"\\ud800\""],
        ),
        ("BOOLEAN", &["1", "\"yes\"", "truee"]),
    ] {
        for value in values {
            let line = format!("{{\"n\": 1, \"x\": {value}}}");
            let columns = format!("n BIGINT, x {kind}");
            let (rows, end) = read(&columns, "", &[&line], "SELECT x FROM src").await;
            assert!(rows.is_empty(), "{kind}: {value}: {rows:?}");
            let error = end.expect_err(&line).error;
            let is_said = error.contains(&format!("{value} is not a"))
                && error.contains("(column \"x\")")
                || error.contains("it is not JSON");
            assert!(is_said, "{kind}: {error}");
        }
    }
    for line in [
        r#"{"x": 1,}"#,
        r#"{,"x": 1}"#,
        r#"{"x": 1} ,"#,
        r#"{"x": 1, "more": [1,]}"#,
    ] {
        let (rows, end) = read("x BIGINT", "", &[line], "SELECT x FROM src").await;
        assert!(rows.is_empty() && end.is_err(), "{line}: {rows:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_fits_is_read_as_it_is() {
    for (kind, value, expected) in [
        ("BIGINT", "-9223372036854775808", "-9223372036854775808"),
        ("BIGINT", "1.0", "1"),
        ("BIGINT", "1.5e1", "15"),
        ("BIGINT", "1e18", "1000000000000000000"),
        ("BIGINT", "-0", "0"),
        ("BIGINT", "\"7\"", "7"),
        (
            "BIGINT UNSIGNED",
            "18446744073709551615",
            "18446744073709551615",
        ),
        ("DOUBLE", "1e308", "1.0e308"),
        ("DOUBLE", "1e-400", "0.0"),
        ("DECIMAL(3, 1)", "12.50", "12.5"),
        ("DECIMAL(3, 1)", "125e-1", "12.5"),
        (
            "DECIMAL(40, 2)",
            "12345678901234567890123456789012345678.25",
            "12345678901234567890123456789012345678.25",
        ),
        ("DATE", "19723", "\"2024-01-01\""),
        ("TIME", "86399999999999", "\"23:59:59.999999999\""),
        (
            "TIMESTAMP",
            "1704067200000000000",
            "\"2024-01-01T00:00:00\"",
        ),
        (
            "TIMESTAMP(6)",
            "1704067200000000",
            "\"2024-01-01T00:00:00\"",
        ),
        ("TIMESTAMP(3)", "1704067200000", "\"2024-01-01T00:00:00\""),
        ("TIMESTAMP(0)", "1704067200", "\"2024-01-01T00:00:00\""),
        ("BIGINT[]", "[1, null, 2]", "[1,null,2]"),
        ("BIGINT[]", "null", "null"),
        ("STRUCT<a BIGINT>", "{\"b\": {}, \"a\": 1}", "{\"a\":1}"),
    ] {
        let line = format!("{{\"x\": {value}}}");
        let columns = format!("x {kind}");
        let (rows, end) = read(&columns, "", &[&line], "SELECT x FROM src").await;
        end.unwrap_or_else(|error| panic!("{kind}: {value}: {error:?}"));
        assert_eq!(rows, [format!("{{\"x\":{expected}}}")], "{kind}: {value}");
    }
}

/// All that a run warns of.
async fn notices(columns: &str, lines: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(&path, lines.join("\n")).unwrap();
    let query = format!(
        "{}SELECT 1 AS n FROM src",
        source(Path::new(&path), columns, GO)
    );
    let mut execution = program(&query).execute(None).unwrap();
    let mut notices = Vec::new();
    while let Some(output) = execution.next().await.unwrap() {
        notices.extend(output.notices);
    }
    let before = format!("{}, ", path.display());
    notices
        .iter()
        .map(|notice| notice.strip_prefix(&before).unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_time_in_another_unit_is_warned_of_once() {
    let line = |value: &str| format!("{{\"at\": {value}}}");
    for (kind, value, expected) in [
        (
            "TIMESTAMP",
            "1704067200000",
            "1704067200000 in column \"at\" counts nanoseconds since 1970, and is 1970-01-01 00:28:24.067200; a column of the type \
             TIMESTAMP(3) milliseconds",
        ),
        (
            "TIMESTAMP",
            "1704067200",
            "1704067200 in column \"at\" counts nanoseconds since 1970",
        ),
        (
            "TIMESTAMP(3)",
            "1704067200",
            "1704067200 in column \"at\" counts milliseconds since 1970, and is 1970-01-20 17:21:07.200; a column of the type TIMESTAMP(0) seconds",
        ),
        (
            "TIMESTAMP(3)",
            "99999999999999",
            "99999999999999 in column \"at\" counts milliseconds since 1970, and is 5138-11-16",
        ),
        (
            "TIMESTAMP(0)",
            "1704067200000",
            "1704067200000 in column \"at\" counts seconds since 1970, and is ",
        ),
        (
            "TIMESTAMP(0)",
            "-9000000000",
            "-9000000000 in column \"at\" counts seconds",
        ),
    ] {
        let (good, strange) = (line("null"), line(value));
        let found = notices(&format!("at {kind}"), &[&good, &strange, &strange]).await;
        assert_eq!(found.len(), 1, "{kind}, {value}: {found:?}");
        let expected = format!("line 2: {expected}");
        assert!(found[0].starts_with(&expected), "{}\n{expected}", found[0]);
    }
    for (kind, value) in [
        ("TIMESTAMP", "1704067200000000000"),
        ("TIMESTAMP", "-1704067200000000000"),
        ("TIMESTAMP", "0"),
        ("TIMESTAMP", "1000"),
        ("TIMESTAMP", "\"1700-01-01\""),
        ("TIMESTAMP(3)", "1704067200000"),
        ("BIGINT", "1704067200"),
    ] {
        let strange = line(value);
        let found = notices(&format!("at {kind}"), &[&strange]).await;
        assert!(found.is_empty(), "{kind}, {value}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn equal_numbers_are_one_group_and_one_distinct_value() {
    let lines = [
        r#"{"x": 0.0}"#,
        r#"{"x": -0.0}"#,
        r#"{"x": 0}"#,
        r#"{"x": "NaN"}"#,
        r#"{"x": "-NaN"}"#,
    ];
    for kind in ["DOUBLE", "REAL"] {
        let columns = format!("x {kind}");
        let group = |key: &str| {
            format!(
                "SELECT {key} AS x, count(*) AS n FROM src GROUP BY tumble(interval '1 day'), {key}"
            )
        };
        for key in ["x", "x * -1", "named_struct('a', x)", "(x - x) * -1"] {
            let (rows, end) = read(&columns, "", &lines, &group(key)).await;
            end.unwrap();
            let counts: Vec<_> = rows
                .iter()
                .map(|row| row.split("\"n\":").nth(1).unwrap())
                .collect();
            assert_eq!(counts, ["3}", "2}"], "{kind}, {key}: {rows:?}");
        }
        for count in ["count(DISTINCT x)", "count(DISTINCT named_struct('a', x))"] {
            let select = format!("SELECT {count} AS n FROM src GROUP BY tumble(interval '1 day')");
            let (rows, end) = read(&columns, "", &lines, &select).await;
            end.unwrap();
            assert_eq!(rows, [r#"{"n":2}"#], "{kind}, {count}");
        }
    }
}
