//! Tumbling windows over event time, and what they keep.

use std::fmt::Write as _;

use super::*;

/// A file whose rows have a time in seconds, a key and a value, and the start of a query that reads it.
fn table(rows: &[(i64, &str, i64)], watermark: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    let mut text = String::new();
    for (second, name, value) in rows {
        let (minute, second) = (second / 60, second % 60);
        writeln!(
            text,
            r#"{{"at": "2024-01-01T00:{minute:02}:{second:02}Z", "name": "{name}", "value": {value}}}"#
        )
        .unwrap();
    }
    std::fs::write(&path, text).unwrap();
    let query = format!(
        "CREATE TABLE events (at TIMESTAMP, name TEXT, value BIGINT, {watermark}) WITH (connector = 'single_file', path = '{}', \
         format = 'json', type = 'source', wait_for_control = 'false');\n",
        path.display()
    );
    (directory, query)
}

async fn all(query: &str) -> Vec<String> {
    let (rows, end) = run(program(query).execute(None).unwrap()).await;
    end.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    rows
}

#[tokio::test(start_paused = true)]
async fn rows_are_counted_by_window_and_key() {
    let (_directory, events) = table(
        &[
            (1, "a", 1),
            (2, "b", 2),
            (9, "a", 3),
            (10, "a", 4),
            (35, "b", 5),
        ],
        "WATERMARK FOR at",
    );
    let rows = all(&format!(
        "{events}SELECT tumble(interval '10 seconds') AS window, name, count(*) AS n, sum(value) AS s FROM events GROUP BY window, name"
    ))
    .await;
    assert_eq!(
        rows,
        [
            r#"{"window":{"start":"2024-01-01T00:00:00","end":"2024-01-01T00:00:10"},"name":"a","n":2,"s":4}"#,
            r#"{"window":{"start":"2024-01-01T00:00:00","end":"2024-01-01T00:00:10"},"name":"b","n":1,"s":2}"#,
            r#"{"window":{"start":"2024-01-01T00:00:10","end":"2024-01-01T00:00:20"},"name":"a","n":1,"s":4}"#,
            r#"{"window":{"start":"2024-01-01T00:00:30","end":"2024-01-01T00:00:40"},"name":"b","n":1,"s":5}"#,
        ]
    );
    let rows = all(&format!(
        "{events}SELECT count(*) AS n FROM events GROUP BY tumble(interval '1 minute') HAVING count(*) > 3"
    ))
    .await;
    assert_eq!(rows, [r#"{"n":5}"#]);
}

/// Rows of a batch that alternate between windows, with a late one in between, and windows that close together.
#[tokio::test(start_paused = true)]
async fn rows_find_their_windows_in_any_order() {
    let rows = [
        (1, "a", 1),
        (31, "a", 2),
        (32, "b", 3),
        (2, "a", 4),
        (25, "b", 8),
        (33, "b", 5),
        (1, "late", 6),
        (3, "b", 7),
        (34, "a", 9),
        (26, "b", 16),
    ];
    let (_directory, events) = table(&rows, "WATERMARK FOR at AS at - interval '23 seconds'");
    let query = format!(
        "{events}SELECT w['start'] AS at, name, n, s FROM (
             SELECT tumble(interval '10 seconds') AS w, name, count(*) AS n, sum(value) FILTER (WHERE value > 1) AS s
             FROM events GROUP BY w, name
         )"
    );
    // At 33 the watermark is 10.
    assert_eq!(
        all(&query).await,
        [
            r#"{"at":"2024-01-01T00:00:00","name":"a","n":2,"s":4}"#,
            r#"{"at":"2024-01-01T00:00:20","name":"b","n":2,"s":24}"#,
            r#"{"at":"2024-01-01T00:00:30","name":"a","n":2,"s":11}"#,
            r#"{"at":"2024-01-01T00:00:30","name":"b","n":2,"s":8}"#,
        ]
    );
    goes_on_exactly(&program(&query)).await;
}

/// A row may be a second late unless a watermark is declared. The rows belong to the windows [0, 10) and [10, 20).
#[tokio::test(start_paused = true)]
async fn late_rows_are_dropped_by_their_watermark() {
    let rows = [
        (5, "a", 1),
        (10, "a", 2),
        (9, "a", 4),
        (11, "a", 8),
        (8, "a", 16),
        (13, "a", 32),
        (7, "a", 64),
    ];
    for (watermark, expected) in [
        // At 11 the watermark is 10: the rows at 8 and 7 are late.
        ("WATERMARK FOR at", [5, 42]),
        ("WATERMARK FOR at AS at", [1, 42]),
        // At 13 it is 10: only the row at 7 is late.
        ("WATERMARK FOR at AS at - interval '3 seconds'", [21, 42]),
        ("WATERMARK FOR at AS (at - interval '1 minute')", [85, 42]),
    ] {
        let (_directory, events) = table(&rows, watermark);
        let query = format!(
            "{events}SELECT sum(value) AS s FROM events GROUP BY tumble(interval '10 seconds')"
        );
        let expected = expected.map(|sum| format!(r#"{{"s":{sum}}}"#));
        assert_eq!(all(&query).await, expected, "{watermark}");
    }
}

#[tokio::test(start_paused = true)]
async fn open_windows_go_on_exactly_whatever_they_aggregate() {
    let rows: Vec<_> = (0..5_000)
        .map(|row| {
            (
                row / 5,
                ["a", "b", "c"][usize::try_from(row % 3).unwrap()],
                row * 7 % 1000,
            )
        })
        .collect();
    let (_directory, events) = table(&rows, "WATERMARK FOR at");
    for aggregates in [
        "count(*) AS n, sum(value) AS s, min(value) AS l, max(name) AS h, avg(value) AS a",
        "count(DISTINCT value % 10) AS d, sum(DISTINCT value % 10) AS e, count(value) FILTER (WHERE value % 2 = 0) AS f",
        "stddev(value) AS s, var_pop(value) AS v, median(value) AS m, bool_and(value > 3) AS b, bit_xor(value) AS x",
        "first_value(value) AS f, last_value(value) AS l, array_agg(value % 7) AS a, string_agg(name, '-') AS t",
        "bit_xor(DISTINCT value % 10) AS x, median(DISTINCT value) AS m, var_pop(value) AS v",
        "approx_distinct(value) AS d, corr(value, value * 2) AS c, approx_median(value) AS m",
    ] {
        let query = format!(
            "{events}SELECT name, {aggregates}, tumble(interval '20 minutes') AS w FROM events GROUP BY name, w"
        );
        goes_on_exactly(&program(&query)).await;
        let without_keys = format!(
            "{events}SELECT {aggregates} FROM events GROUP BY tumble(interval '20 minutes')"
        );
        goes_on_exactly(&program(&without_keys)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn distinct_is_heeded_by_every_aggregate() {
    let rows = [
        (1, "a", 3),
        (2, "a", 5),
        (3, "a", 3),
        (4, "a", 5),
        (5, "a", 3),
    ];
    let (_directory, events) = table(&rows, "WATERMARK FOR at");
    let query = format!(
        "{events}SELECT bit_xor(DISTINCT value) AS x, bit_xor(value) AS y, count(DISTINCT value) AS n, sum(DISTINCT value) AS s,
             min(DISTINCT value) AS l, avg(DISTINCT value) AS a FROM events GROUP BY tumble(interval '1 minute')"
    );
    assert_eq!(
        all(&query).await,
        [r#"{"x":6,"y":3,"n":2,"s":8,"l":3,"a":4.0}"#]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_grouped_by_twice_is_one_column() {
    let (_directory, events) = table(&[(1, "a", 1), (2, "a", 2)], "WATERMARK FOR at");
    for by in ["w, name, name", "w, w, name", "w, name, w", "name, w, 1"] {
        let query = format!(
            "{events}SELECT name, count(*) AS n, tumble(interval '1 minute') AS w FROM events GROUP BY {by}"
        );
        assert_eq!(
            all(&query).await,
            [
                r#"{"name":"a","n":2,"w":{"start":"2024-01-01T00:00:00","end":"2024-01-01T00:01:00"}}"#
            ],
            "{by}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn windows_of_windows_and_of_unions_wait_for_the_slowest() {
    let (_one, first) = table(&[(1, "a", 1), (100, "a", 2)], "WATERMARK FOR at");
    let (_two, second) = table(
        &[(2, "a", 10), (3, "a", 20), (99, "a", 40)],
        "WATERMARK FOR at",
    );
    let second = second.replace("TABLE events", "TABLE others");
    let query = format!(
        "{first}{second}CREATE VIEW both_of_them AS SELECT value FROM events UNION ALL SELECT value FROM others;
         SELECT sum(n) AS n, max(s) AS s FROM (
             SELECT count(*) AS n, sum(value) AS s FROM both_of_them GROUP BY tumble(interval '10 seconds')
         ) GROUP BY tumble(interval '10 seconds')"
    );
    assert_eq!(
        all(&query).await,
        [r#"{"n":3,"s":31}"#, r#"{"n":1,"s":40}"#, r#"{"n":1,"s":2}"#]
    );
    goes_on_exactly(&program(&query)).await;
}

/// More windows than are closed at once, each feeding a further window, which has to wait.
#[tokio::test(start_paused = true)]
async fn many_windows_that_are_due_at_once_are_closed_in_several_steps() {
    let rows: Vec<_> = (0..2_500).map(|second| (second, "a", 1)).collect();
    let (_directory, events) = table(&rows, "WATERMARK FOR at AS at - interval '1 day'");
    let query = format!(
        "{events}SELECT sum(n) AS n FROM (
             SELECT count(*) AS n FROM events GROUP BY tumble(interval '1 second')
         ) GROUP BY tumble(interval '1 second')"
    );
    let program = program(&query);
    assert_eq!(
        run(program.execute(None).unwrap()).await.0,
        vec![r#"{"n":1}"#; 2_500]
    );
    let mut execution = program.execute(None).unwrap();
    let mut most = 0;
    while let Some(output) = execution.next().await.unwrap() {
        most = most.max(lines(&output).len());
    }
    assert!(most <= 1_000, "{most} at once");
    goes_on_exactly(&program).await;
}

#[tokio::test(start_paused = true)]
async fn a_window_over_the_impulse_closes_while_it_runs() {
    let query = "CREATE TABLE i WITH (connector = 'impulse', event_rate = '100', message_count = '500', event_time_interval = '10000000');
                 SELECT count(*) AS n FROM i GROUP BY tumble(interval '1 second')";
    for parallelism in [1, 3] {
        let program = plan(query, parallelism).unwrap().program;
        let (rows, end) = run(program.execute(None).unwrap()).await;
        end.unwrap();
        let counts = rows.iter().map(|row| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            row["n"].as_u64().unwrap()
        });
        assert_eq!(counts.sum::<u64>(), 500 * u64::from(parallelism));
    }
}

#[test]
fn what_is_no_window_is_refused() {
    for (query, message) in [
        (
            "SELECT count(*) FROM impulse GROUP BY tumble(interval '1 month')",
            "the width of a window cannot be in months",
        ),
        (
            "SELECT count(*) FROM impulse GROUP BY tumble(interval '0 seconds')",
            "the width of a window has to be greater than 0",
        ),
        (
            "SELECT count(*) FROM impulse GROUP BY tumble(interval '1 second'), tumble(interval '2 seconds')",
            "there is more than one window in GROUP BY",
        ),
        (
            "SELECT max(n) FROM (SELECT count(*) AS n FROM impulse GROUP BY tumble(interval '1 second')) \
             GROUP BY tumble(interval '1 minute')",
            "the window of tumble() is not that of the windows that are grouped",
        ),
        (
            "SELECT tumble(interval '1 second') FROM impulse",
            "tumble() is a window, which belongs in GROUP BY",
        ),
    ] {
        let errors = plan(&format!("{IMPULSE}{query}"), 1)
            .map(|_| ())
            .expect_err(query);
        assert!(errors[0].message.contains(message), "{query}: {errors:?}");
    }
    for (columns, message) in [
        (
            "a TEXT, WATERMARK FOR a",
            "the event time of table t has to be a TIMESTAMP",
        ),
        (
            "a TIMESTAMP, WATERMARK FOR b",
            "table t has no column 'b' for its event time",
        ),
        ("a TIMESTAMP, WATERMARK FOR a AS", "Expected: an expression"),
        (
            "a TIMESTAMP, WATERMARK FOR a AS a a",
            "the end of WATERMARK FOR",
        ),
        ("a TIMESTAMP, WATERMARK FOR a AS c", "column 'c' not found"),
    ] {
        let query = format!(
            "CREATE TABLE t ({columns}) WITH (connector = 'single_file', path = 'x', type = 'source'); SELECT a FROM t"
        );
        let errors = plan(&query, 1).map(|_| ()).expect_err(columns);
        assert!(errors[0].message.contains(message), "{columns}: {errors:?}");
    }
}

/// The first run saw the clock at the year 2100.
#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_is_warned_of_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    std::fs::write(&path, "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}\n").unwrap();
    let query = |columns: &str| {
        format!(
            "{}SELECT count(*) AS n FROM src GROUP BY tumble(interval '1 second')",
            super::files::source(&path, columns, "")
        )
    };
    let future =
        "n BIGINT, at TIMESTAMP GENERATED ALWAYS AS (to_timestamp(4102444800)), WATERMARK FOR at";
    let mut first = program(&query(future)).execute(None).unwrap();
    first.next().await.unwrap().unwrap();
    let state = first.checkpoint().await.unwrap();
    for (columns, warned) in [("n BIGINT", 1), (future, 0)] {
        let mut second = program(&query(columns)).execute(Some(&state)).unwrap();
        let mut notices = Vec::new();
        while let Some(output) = second.next().await.unwrap() {
            notices.extend(output.notices);
            second.checkpoint().await.unwrap();
        }
        assert_eq!(notices.len(), warned, "{notices:?}");
        let begin = "the clock is at least ";
        assert!(notices.iter().all(|notice| notice.starts_with(begin)));
    }
}
