//! What the left side of a condition decides.

use std::{fmt::Write as _, fs};

use super::{
    files::{GO, source},
    *,
};

/// The second side would fail for a row of which the first side decides, among rows of which it does not.
#[tokio::test(start_paused = true)]
async fn a_condition_is_the_same_with_and_without_windows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    let mut text = String::new();
    for j in [1, 0, 2, 5, 0, 3, 4] {
        writeln!(text, "{{\"j\": {j}}}").unwrap();
    }
    text.push_str("{\"j\": null}\n");
    fs::write(&path, text).unwrap();
    let table = source(&path, "j BIGINT", GO);
    for (condition, count) in [
        ("j <> 0 AND 10 / j > 2", 3),
        ("j = 0 OR 10 / j > 2", 5),
        ("NOT (j = 0 OR 10 / j <= 2)", 3),
        ("j <> 0 AND (j <> 5 AND 10 / (j - 5) < -2)", 3),
        (
            "CASE WHEN j <> 0 AND 10 / j > 2 THEN true ELSE false END",
            3,
        ),
        ("(j <> 0 AND 10 / j > 2) IS NULL", 1),
        ("j IS NOT NULL AND j <> 0 AND 10 / j > 2", 3),
    ] {
        for query in [
            format!(
                "SELECT count(*) AS n FROM src WHERE {condition} GROUP BY tumble(interval '1 day')"
            ),
            format!(
                "SELECT count(*) FILTER (WHERE {condition}) AS n FROM src GROUP BY tumble(interval '1 day')"
            ),
            format!(
                "SELECT sum(CASE WHEN {condition} THEN 1 ELSE 0 END) AS n FROM src GROUP BY tumble(interval '1 day')"
            ),
        ] {
            let (rows, end) = run(program(&format!("{table}{query}")).execute(None).unwrap()).await;
            end.unwrap_or_else(|error| panic!("{query}: {error:?}"));
            assert_eq!(rows, [format!("{{\"n\":{count}}}")], "{query}");
        }
        let plain = format!("{table}SELECT j FROM src WHERE {condition}");
        let (rows, end) = run(program(&plain).execute(None).unwrap()).await;
        end.unwrap();
        assert_eq!(rows.len(), count, "{condition}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_keeps_arguments_from_failing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    fs::write(&path, "{\"j\": 0}\n{\"j\": 5}\n{\"j\": null}\n").unwrap();
    let table = source(&path, "j BIGINT", GO);
    let query = format!(
        "{table}SELECT sum(10 / j) FILTER (WHERE j <> 0) AS s, count(DISTINCT 10 / j) FILTER (WHERE j <> 0) AS n
         FROM src GROUP BY tumble(interval '1 day')"
    );
    let (rows, end) = run(program(&query).execute(None).unwrap()).await;
    end.unwrap();
    assert_eq!(rows, [r#"{"s":2,"n":1}"#]);
}
