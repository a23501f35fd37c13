use std::time::Duration;

use stepwell_arroyo::ErrorDomain;
use tokio::time::Instant;

use super::program::Program;
use super::*;
use crate::plan::plan;

mod bad_data;
mod differential;
mod exactness;
mod files;
mod secrets;
mod short_circuit;
mod states;
mod values;
mod windows;

const IMPULSE: &str =
    "CREATE TABLE impulse WITH (connector='impulse', event_rate='10', message_count='10');\n";

fn program(query: &str) -> Program {
    plan(query, 1)
        .unwrap_or_else(|errors| panic!("{query}: {errors:?}"))
        .program
}

/// All rows of a run, and how it ended.
async fn run(mut execution: Execution) -> (Vec<String>, Result<(), ExecutionError>) {
    let mut rows = Vec::new();
    loop {
        match execution.next().await {
            Ok(Some(output)) => rows.extend(lines(&output)),
            Ok(None) => return (rows, Ok(())),
            Err(error) => return (rows, Err(error)),
        }
    }
}

fn lines(output: &Output) -> Vec<String> {
    let text = |row: bytes::Bytes| String::from_utf8(row.to_vec()).unwrap();
    let printed = output.printed.iter();
    printed
        .flat_map(|printed| printed.rows.each())
        .map(text)
        .collect()
}

async fn rows(query: &str) -> Vec<String> {
    let (rows, end) = run(program(&format!("{IMPULSE}{query}")).execute(None).unwrap()).await;
    end.unwrap();
    rows
}

#[tokio::test(start_paused = true)]
async fn queries_of_the_subset_give_their_rows() {
    // Computed by hand from counter = 0, 1, … 9.
    let table: &[(&str, &[&str])] = &[
        (
            "SELECT * FROM impulse WHERE counter < 2",
            &[
                r#"{"counter":0,"subtask_index":0}"#,
                r#"{"counter":1,"subtask_index":0}"#,
            ],
        ),
        (
            "SELECT counter FROM impulse WHERE counter % 4 = 1",
            &[r#"{"counter":1}"#, r#"{"counter":5}"#, r#"{"counter":9}"#],
        ),
        (
            "SELECT counter * 2 AS double FROM impulse WHERE counter > 8",
            &[r#"{"double":18}"#],
        ),
        (
            "SELECT CASE WHEN counter > 8 THEN 'nine' ELSE 'less' END AS n FROM impulse WHERE counter >= 8",
            &[r#"{"n":"less"}"#, r#"{"n":"nine"}"#],
        ),
        (
            "SELECT CAST(counter AS TEXT) AS t, CAST(counter AS DOUBLE) / 4 AS q FROM impulse WHERE counter = 3",
            &[r#"{"t":"3","q":0.75}"#],
        ),
        (
            "SELECT upper(concat('a', counter)) AS u FROM impulse WHERE counter = 7",
            &[r#"{"u":"A7"}"#],
        ),
        (
            "WITH s AS (SELECT counter * counter AS square FROM impulse) SELECT square FROM s WHERE square > 60",
            &[r#"{"square":64}"#, r#"{"square":81}"#],
        ),
        (
            "SELECT n + 1 AS m FROM (SELECT counter AS n FROM impulse WHERE counter > 7) WHERE n < 9",
            &[r#"{"m":9}"#],
        ),
        (
            "SELECT i.counter FROM impulse AS i WHERE i.counter BETWEEN 2 AND 3",
            &[r#"{"counter":2}"#, r#"{"counter":3}"#],
        ),
        (
            "SELECT nullif(counter, 4) AS n FROM impulse WHERE counter IN (4, 5)",
            &[r#"{"n":null}"#, r#"{"n":5}"#],
        ),
        (
            "SELECT coalesce(nullif(counter, 0), 42) AS n FROM impulse WHERE counter = 0",
            &[r#"{"n":42}"#],
        ),
        (
            "SELECT substring('stream', 1, 3) AS s, length('päron') AS l, round(2.6) AS r FROM impulse WHERE counter = 0",
            &[r#"{"s":"str","l":5,"r":3.0}"#],
        ),
        ("SELECT counter FROM impulse WHERE 'a' LIKE 'b%'", &[]),
        ("SELECT counter FROM impulse WHERE NULL", &[]),
        (
            "SELECT extract(year FROM TIMESTAMP '2026-11-25 10:00:00') AS y FROM impulse WHERE counter = 0",
            &[r#"{"y":2026}"#],
        ),
    ];
    for (query, expected) in table {
        assert_eq!(rows(query).await, *expected, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn sinks_print_or_forget() {
    let printing = "CREATE TABLE out (n BIGINT) WITH (connector='stdout', format='json'); INSERT INTO out SELECT counter FROM impulse WHERE counter > 8";
    assert_eq!(rows(printing).await, [r#"{"n":9}"#]);
    let forgetting = "CREATE TABLE out (n BIGINT UNSIGNED) WITH (connector='blackhole'); INSERT INTO out SELECT counter FROM impulse";
    assert!(rows(forgetting).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn tables_have_the_names_that_sql_gives_them() {
    for (declared, used) in [
        ("Ticks", "ticks"),
        ("ticks", "TICKS"),
        ("\"Ticks\"", "\"Ticks\""),
        ("\"two words\"", "\"two words\""),
        ("main.ticks", "main.Ticks"),
    ] {
        let query = format!(
            "CREATE TABLE {declared} WITH (connector='impulse', event_rate='10', message_count='1');
             CREATE VIEW Seen AS SELECT counter FROM {used};
             CREATE TABLE \"Out\" (n BIGINT) WITH (connector='stdout');
             INSERT INTO \"Out\" SELECT counter FROM seen"
        );
        assert_eq!(rows(&query).await, [r#"{"n":0}"#], "{query}");
    }
    assert!(plan(&format!("{IMPULSE}SELECT counter FROM \"Impulse\""), 1).is_err());
}

/// Earlier plans keep the table that they were planned with.
#[tokio::test(start_paused = true)]
async fn a_table_can_be_declared_again() {
    let again =
        "CREATE TABLE impulse WITH (connector='impulse', event_rate='10', message_count='2');";
    let mut counted = rows(&format!(
        "SELECT counter AS a FROM impulse WHERE counter > 8; CREATE VIEW v AS SELECT counter FROM impulse; {again}
         SELECT counter AS b FROM impulse; SELECT counter AS c FROM v WHERE counter > 8;
         CREATE VIEW impulse AS SELECT counter + 10 AS n FROM impulse; SELECT n FROM impulse"
    ))
    .await;
    counted.sort();
    let expected = [
        r#"{"a":9}"#,
        r#"{"b":0}"#,
        r#"{"b":1}"#,
        r#"{"c":9}"#,
        r#"{"n":10}"#,
        r#"{"n":11}"#,
    ];
    assert_eq!(counted, expected);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_exactly_from_every_row() {
    let program = program(&format!(
        "{IMPULSE}SELECT counter FROM impulse WHERE counter % 3 <> 1"
    ));
    goes_on_exactly(&program).await;
}

/// Stops after each of the batches in turn, and resumes from the state there.
async fn goes_on_exactly(program: &Program) {
    let (whole, _) = run(program.execute(None).unwrap()).await;
    assert!(!whole.is_empty());
    for taken in 0.. {
        let mut first = program.execute(None).unwrap();
        let mut seen = Vec::new();
        for _ in 0..taken {
            match first.next().await.unwrap() {
                Some(output) => seen.extend(lines(&output)),
                None => return,
            }
        }
        let state = first.checkpoint().await.unwrap();
        drop(first);
        let (rest, end) = run(program.execute(Some(&state)).unwrap()).await;
        end.unwrap();
        seen.extend(rest);
        assert_eq!(seen, whole, "after {taken} batches");
    }
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept_whatever_it_is() {
    for (rate, seconds) in [(10.0, 3), (1_000.0, 2), (200_000.0, 1), (0.5, 10)] {
        let query = format!(
            "CREATE TABLE i WITH (connector='impulse', event_rate='{rate}'); SELECT counter FROM i"
        );
        let mut execution = program(&query).execute(None).unwrap();
        let started = Instant::now();
        let mut count = 0;
        while started.elapsed() < Duration::from_secs(seconds) {
            count += lines(&execution.next().await.unwrap().unwrap()).len();
        }
        let expected = rate * started.elapsed().as_secs_f64();
        let error = (f64::from(u32::try_from(count).unwrap()) - expected).abs();
        assert!(
            error <= 1.0 + expected * 0.05,
            "{rate}: {count} rows, not {expected}"
        );
    }
}

/// More rows in 10 ms than one batch has.
#[tokio::test(start_paused = true)]
async fn a_rate_of_millions_is_kept() {
    let query = "CREATE TABLE i WITH (connector='impulse', event_rate='2000000', message_count='200001');
                 CREATE TABLE o (n BIGINT UNSIGNED) WITH (connector='blackhole'); INSERT INTO o SELECT counter FROM i";
    let started = Instant::now();
    run(program(query).execute(None).unwrap()).await.1.unwrap();
    assert_eq!(started.elapsed().as_millis(), 100);
}

#[tokio::test(start_paused = true)]
async fn subtasks_share_the_rate_and_count_each_for_itself() {
    let program = plan(&format!("{IMPULSE}SELECT * FROM impulse"), 2)
        .unwrap()
        .program;
    let started = Instant::now();
    let (rows, _) = run(program.execute(None).unwrap()).await;
    assert_eq!(rows.len(), 20);
    assert_eq!(rows[6], r#"{"counter":3,"subtask_index":0}"#);
    assert_eq!(rows[7], r#"{"counter":3,"subtask_index":1}"#);
    assert_eq!(
        started.elapsed().as_millis(),
        1800,
        "ten rows each at 5 a second"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failing_row_ends_the_run_after_the_rows_before_it() {
    for rate in ["10", "100000"] {
        let query = format!(
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='{rate}'); SELECT 100 / (5 - CAST(counter AS BIGINT)) AS x FROM impulse"
        );
        let (rows, end) = run(program(&query).execute(None).unwrap()).await;
        assert_eq!(rows.len(), 5, "{rate}");
        assert_eq!(rows[4], r#"{"x":100}"#);
        let error = end.unwrap_err();
        assert_eq!(error.error, "Divide by zero error");
        assert_eq!((error.domain, error.retryable), (ErrorDomain::User, false));
    }
}

#[test]
fn the_graph_is_shaped_like_a_recorded_one() {
    let graph = plan(&format!("{IMPULSE}SELECT * FROM impulse"), 3)
        .unwrap()
        .graph;
    let shape: Vec<_> = graph
        .nodes()
        .iter()
        .map(|node| {
            (
                node.node_id,
                node.operator.as_str(),
                node.description.as_str(),
                node.parallelism,
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            (0, "impulse", "BoundedImpulse<10 eps>", 3),
            (
                1,
                "chained_op",
                "impulse -> watermark -> sink projection",
                3
            ),
            (4, "preview", "PreviewSink", 3)
        ]
    );
}
