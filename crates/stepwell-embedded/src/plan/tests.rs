//! Which queries are refused, with which message, and at which position.

use super::plan;

const IMPULSE: &str =
    "CREATE TABLE impulse WITH (connector='impulse', event_rate='10', message_count='10');\n";

fn errors(query: &str) -> Vec<(String, Option<[u64; 4]>)> {
    let errors = plan(query, 1).map(|_| ()).expect_err(query);
    let place = |span: stepwell_arroyo::SqlSpan| {
        [
            span.start.line,
            span.start.column,
            span.end.line,
            span.end.column,
        ]
    };
    errors
        .into_iter()
        .map(|error| (error.message, error.span.map(place)))
        .collect()
}

/// The messages of the recordings (013–042) without what libraries add around them. Some have a position that the recordings lack.
#[test]
fn invalid_queries_get_the_messages_of_arroyo() {
    type Expected<'a> = &'a [(&'a str, Option<[u64; 4]>)];
    let table: &[(&str, Expected<'_>)] = &[
        (
            "SELEC * FROM impulse;",
            &[(
                "Expected: an SQL statement, found: SELEC",
                Some([1, 1, 1, 6]),
            )],
        ),
        (
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');\n\nSELECT * FORM impulse WHERE;",
            &[(
                "Expected: end of statement, found: FORM",
                Some([3, 10, 3, 14]),
            )],
        ),
        (
            "SELECT 'abc",
            &[("Unterminated string literal", Some([1, 8, 1, 8]))],
        ),
        (
            "SELECT * FROM nope;",
            &[("table 'nope' not found", Some([1, 15, 1, 19]))],
        ),
        (
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');\nSELECT missing FROM impulse;",
            &[("column 'missing' not found", Some([2, 8, 2, 15]))],
        ),
        (
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');\nSELECT frob(counter) FROM impulse;",
            &[("Invalid function 'frob'", Some([2, 8, 2, 12]))],
        ),
        (
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');\nSELECT aaa, bbb, frob(counter) FROM impulse;",
            &[
                ("column 'aaa' not found", Some([2, 8, 2, 11])),
                ("column 'bbb' not found", Some([2, 13, 2, 16])),
                ("Invalid function 'frob'", Some([2, 18, 2, 22])),
            ],
        ),
        ("", &[("Query is empty!", None)]),
        ("   \n  ", &[("Query is empty!", None)]),
        (
            "-- nothing here\n",
            &[("The provided SQL does not contain a query", None)],
        ),
        (
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');",
            &[(
                "The provided SQL does not contain a query",
                Some([1, 1, 1, 7]),
            )],
        ),
        (
            "CREATE TABLE t (a INT) WITH (connector='frobnicate');\nSELECT * FROM t;",
            &[(
                "Failed to create table t: Unknown connector 'frobnicate'",
                Some([1, 40, 1, 52]),
            )],
        ),
        (
            "CREATE TABLE t WITH (connector='impulse', event_rate='10', bogus='1');\nSELECT * FROM t;",
            &[(
                "Failed to create table t: unknown options provided in WITH clause: 'bogus'",
                Some([1, 60, 1, 65]),
            )],
        ),
        (
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');\nINSERT INTO nosink SELECT * FROM impulse;",
            &[("table nosink not found", Some([2, 13, 2, 19]))],
        ),
        (
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');\nCREATE TABLE sink (x BIGINT, y TEXT, z INT) WITH (connector='blackhole');\nINSERT INTO sink SELECT counter FROM impulse;",
            &[(
                "Column count doesn't match insert query!",
                Some([3, 1, 3, 7]),
            )],
        ),
    ];
    for (query, expected) in table {
        let expected: Vec<_> = expected
            .iter()
            .map(|(message, span)| ((*message).to_owned(), *span))
            .collect();
        assert_eq!(errors(query), expected, "{query}");
    }
}

#[test]
fn what_only_arroyo_can_is_refused_with_its_place() {
    let table = [
        (
            "SELECT count(*) FROM impulse",
            "aggregates without a tumbling window in GROUP BY",
            None,
        ),
        (
            "SELECT counter FROM impulse GROUP BY counter",
            "aggregates without a tumbling window in GROUP BY",
            Some([2, 38, 2, 45]),
        ),
        (
            "SELECT count(*) FROM impulse GROUP BY hop(interval '1 second', interval '2 seconds')",
            "hop() windows",
            Some([2, 39, 2, 84]),
        ),
        (
            "SELECT counter FROM impulse UNION SELECT counter FROM impulse",
            "UNION without ALL and other set operations",
            Some([2, 1, 2, 62]),
        ),
        (
            "SELECT a.counter FROM impulse a JOIN impulse b ON a.counter = b.counter",
            "joins",
            Some([2, 38, 2, 72]),
        ),
        (
            "SELECT DISTINCT counter FROM impulse",
            "DISTINCT",
            Some([2, 1, 2, 37]),
        ),
        (
            "SELECT row_number() OVER (PARTITION BY counter) FROM impulse",
            "OVER",
            Some([2, 8, 2, 18]),
        ),
        (
            "SELECT counter FROM impulse WHERE counter IN (SELECT counter FROM impulse)",
            "subqueries outside of FROM",
            Some([2, 35, 2, 74]),
        ),
        (
            "CREATE MATERIALIZED VIEW v AS SELECT counter FROM impulse; SELECT * FROM v",
            "views that are materialized or name their columns",
            None,
        ),
    ];
    for (query, what, span) in table {
        let found = errors(&format!("{IMPULSE}{query}"));
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        assert_eq!(
            found[0].0,
            format!(
                "the embedded engine does not support {what}; an Arroyo cluster does (--server URL)"
            ),
            "{query}"
        );
        if let Some(span) = span {
            assert_eq!(found[0].1, Some(span), "{query}");
        }
    }
    let kafka = errors("CREATE TABLE t (a INT) WITH (connector='kafka'); SELECT * FROM t");
    assert!(
        kafka[0].0.contains(
            "does not support the connector 'kafka'; an Arroyo cluster does (--server URL)"
        ),
        "{kafka:?}"
    );
}

/// Arroyo's planner refuses these as well.
#[test]
fn no_message_points_to_a_cluster_for_what_it_lacks() {
    for (query, column) in [
        ("SELECT counter FROM impulse ORDER BY counter", 38),
        (
            "WITH RECURSIVE r AS (SELECT counter FROM impulse UNION ALL SELECT counter FROM r) SELECT * FROM r",
            1,
        ),
    ] {
        let found = errors(&format!("{IMPULSE}{query}"));
        assert_eq!(found.len(), 1, "{query}: {found:?}");
        let (message, span) = &found[0];
        assert!(!message.contains("Arroyo"), "{message}");
        assert_eq!(span.map(|span| (span[0], span[1])), Some((2, column)));
    }
}

#[test]
fn what_runs_nowhere_is_refused() {
    for query in [
        "SELECT 1",
        "DROP TABLE foo",
        "SELECT counter FROM impulse LIMIT 3",
        "SELECT now() FROM impulse",
        "VALUES (1)",
        "DELETE FROM impulse",
        "INSERT INTO impulse SELECT counter, counter FROM impulse",
    ] {
        assert_eq!(errors(&format!("{IMPULSE}{query}")).len(), 1, "{query}");
    }
    for options in [
        "event_rate='0'",
        "event_rate='-1'",
        "event_rate='x'",
        "message_count='1'",
        "event_rate='1', message_count='-1'",
        "event_rate='1', type='sink'",
    ] {
        let query =
            format!("CREATE TABLE i WITH (connector='impulse', {options}); SELECT * FROM i");
        assert!(
            errors(&query)[0]
                .0
                .starts_with("Failed to create table i: "),
            "{options}"
        );
    }
}

#[test]
fn monstrous_queries_get_a_diagnostic_and_no_crash() {
    // On a stack as large as that of the planner's threads.
    let test = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(monstrous_queries)
        .unwrap();
    test.join().unwrap();
}

fn monstrous_queries() {
    let deep = format!(
        "{IMPULSE}SELECT {}1{} FROM impulse",
        "(".repeat(10_000),
        ")".repeat(10_000)
    );
    assert!(errors(&deep)[0].0.contains("nested deeper"));
    let long = format!(
        "{IMPULSE}SELECT '{}' AS x FROM impulse",
        "x".repeat(2_000_000)
    );
    assert!(plan(&long, 1).is_ok());
}

/// In every notation: a row would not be the same after a resume.
#[test]
fn functions_of_the_clock_and_of_chance_are_not_there() {
    for query in [
        "SELECT now() FROM impulse",
        "SELECT \"now\"() FROM impulse",
        "SELECT * REPLACE (random() AS counter) FROM impulse",
        "SELECT counter FROM impulse WHERE \"current_timestamp\"() IS NULL",
        "CREATE TABLE s (a TEXT GENERATED ALWAYS AS (\"uuid\"())) WITH (connector = 'single_file', path = 'a', type = 'source'); SELECT a FROM s",
    ] {
        let errors = errors(&format!("{IMPULSE}{query}"));
        let message = &errors[0].0;
        assert!(
            message.contains("is not the same after a resume")
                || message.starts_with("Invalid function '"),
            "{query}: {message}"
        );
    }
}

/// The parser takes these names for the beginning of an index.
#[test]
fn columns_may_be_called_key_and_index() {
    for columns in [
        "key TEXT, index INT",
        "KEY TEXT, a INT, Index INT NOT NULL",
        "a INT, index INT, WATERMARK FOR ts, ts TIMESTAMP, key TEXT, PRIMARY KEY (key)",
    ] {
        let query = format!(
            "CREATE TABLE t ({columns}) WITH (connector = 'single_file', path = 'a', type = 'source'); SELECT key, index FROM t"
        );
        let planned = plan(&query, 1).map(|_| ());
        assert_eq!(planned, Ok(()), "{columns}");
    }
}

#[test]
fn a_sample_is_not_taken_for_the_whole() {
    let errors = errors(&format!(
        "{IMPULSE}SELECT counter FROM impulse TABLESAMPLE (50 PERCENT)"
    ));
    assert_eq!(errors[0].0, "TABLESAMPLE cannot be used");
}
