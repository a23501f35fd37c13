//! Random queries over random files, compared with a plain computation of what they should give.
//!
//! `STEPWELL_CASES` says how many, `STEPWELL_CASE` plays one.

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path};

use serde_json::{Value, json};
use stepwell_control_plane::testing::Chance;

use super::{
    files::{GO, source},
    *,
};

const CASES: u64 = 2_000;
const SECOND: i64 = 1_000_000_000;
/// The beginning of 2024 in seconds.
const BEGIN: i64 = 1_704_067_200;

/// A line of the file; `None`: it is no row.
type Line = Option<Row>;

#[derive(Clone, Debug)]
struct Row {
    /// Milliseconds since `BEGIN`.
    at: i64,
    key: Value,
    number: Option<i64>,
    double: Option<f64>,
}

/// The types of a key, each with some values as they are written and as they are read.
const KEYS: [(&str, &[(&str, &str)]); 6] = [
    (
        "BIGINT",
        &[
            ("1", "1"),
            ("1.0", "1"),
            ("-7", "-7"),
            ("null", "null"),
            ("9223372036854775807", "9223372036854775807"),
        ],
    ),
    (
        "TEXT",
        &[
            ("\"a\"", "\"a\""),
            ("\"\\u0061\"", "\"a\""),
            ("\"\"", "\"\""),
            ("null", "null"),
            ("\"ä\\n\"", "\"ä\\n\""),
        ],
    ),
    (
        "BOOLEAN",
        &[("true", "true"), ("false", "false"), ("null", "null")],
    ),
    (
        "DOUBLE",
        &[
            ("0.0", "0.0"),
            ("-0.0", "0.0"),
            ("0", "0.0"),
            ("1e-3", "0.001"),
            ("null", "null"),
        ],
    ),
    (
        "DATE",
        &[
            ("\"2024-02-29\"", "\"2024-02-29\""),
            ("19782", "\"2024-02-29\""),
            ("null", "null"),
        ],
    ),
    (
        "DECIMAL(4, 2)",
        &[
            ("1.5", "1.50"),
            ("\"1.50\"", "1.50"),
            ("-0.01", "-0.01"),
            ("null", "null"),
        ],
    ),
];

const NUMBERS: [Option<i64>; 8] = [
    Some(0),
    Some(1),
    Some(-1),
    Some(10),
    Some(1_000),
    Some(i64::MAX),
    Some(i64::MIN),
    None,
];
const DOUBLES: [Option<f64>; 6] = [
    Some(0.0),
    Some(-0.0),
    Some(1.5),
    Some(-2.25),
    Some(1e300),
    None,
];
/// Lines that are no rows of the table.
const BAD: [&str; 8] = [
    "nope",
    "{\"n\": 1.5}",
    "{\"n\": 9223372036854775808}",
    "{\"d\": 1e400}",
    "{\"n\": 1,}",
    "{} {}",
    "[{\"n\": 1}]",
    "{\"n\": 1",
];

/// The conditions of rows, and what they mean.
type Condition = (&'static str, fn(&Row) -> bool);
const CONDITIONS: [Condition; 5] = [
    ("true", |_| true),
    ("n > 0", |row| row.number.is_some_and(|n| n > 0)),
    ("n IS NULL OR d = 1.5", |row| {
        row.number.is_none() || row.double == Some(1.5)
    }),
    ("n <> 0 AND 1000 / n > 50", |row| {
        row.number
            .is_some_and(|n| n != 0 && 1000_i64.wrapping_div(n) > 50)
    }),
    ("n = 0 OR 1000 / n > 50", |row| {
        row.number
            .is_some_and(|n| n == 0 || 1000_i64.wrapping_div(n) > 50)
    }),
];

/// The aggregates, and how they are computed.
type Aggregate = (&'static str, fn(&[&Row]) -> Value);
const AGGREGATES: [Aggregate; 10] = [
    ("count(*)", |rows| json!(rows.len())),
    ("count(n)", |rows| json!(numbers(rows).count())),
    ("sum(n)", |rows| {
        json!(numbers(rows).reduce(i64::wrapping_add))
    }),
    ("min(n)", |rows| json!(numbers(rows).min())),
    ("max(n)", |rows| json!(numbers(rows).max())),
    ("count(DISTINCT n)", |rows| json!(distinct(numbers(rows)))),
    ("min(d) + 0.0", |rows| {
        json!(doubles(rows).min_by(f64::total_cmp).map(|d| d + 0.0))
    }),
    ("max(d) + 0.0", |rows| {
        json!(doubles(rows).max_by(f64::total_cmp).map(|d| d + 0.0))
    }),
    ("count(DISTINCT d)", |rows| {
        json!(distinct(doubles(rows).map(|d| (d + 0.0).to_bits())))
    }),
    ("sum(d) + 0.0", |rows| {
        json!(doubles(rows).reduce(|sum, d| sum + d).map(|sum| sum + 0.0))
    }),
];

fn numbers<'a>(rows: &'a [&Row]) -> impl Iterator<Item = i64> + 'a {
    rows.iter().filter_map(|row| row.number)
}

fn doubles<'a>(rows: &'a [&Row]) -> impl Iterator<Item = f64> + 'a {
    rows.iter().filter_map(|row| row.double)
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> usize {
    values.collect::<std::collections::BTreeSet<_>>().len()
}

fn one<'a, T>(chance: &mut Chance, of: &'a [T]) -> &'a T {
    &of[usize::try_from(chance.below(of.len() as u64)).unwrap()]
}

/// A file, and its lines as they should be read.
fn file(chance: &mut Chance, keys: &[(&str, &str)]) -> (String, Vec<Line>) {
    let (mut text, mut lines) = (String::new(), Vec::new());
    for line in 0..i64::try_from(1 + chance.below(60)).unwrap() {
        if chance.below(12) == 0 {
            writeln!(text, "{}", one(chance, &BAD)).unwrap();
            lines.push(None);
            continue;
        }
        let at = line * 400 - i64::try_from(chance.below(4_000)).unwrap();
        let (written, read) = one(chance, keys);
        let (number, double) = (*one(chance, &NUMBERS), *one(chance, &DOUBLES));
        let nanoseconds = BEGIN * SECOND + at * 1_000_000;
        let row = format!(
            "{{\"at\": {nanoseconds}, \"k\": {written}, \"n\": {}, \"d\": {}}}",
            json!(number),
            json!(double)
        );
        writeln!(text, "{row}").unwrap();
        let key = serde_json::from_str(read).unwrap();
        lines.push(Some(Row {
            at,
            key,
            number,
            double,
        }));
    }
    (text, lines)
}

/// The rows of each window and key, without late ones and those that the condition leaves out.
fn groups(
    lines: &[Line],
    width: i64,
    lateness: i64,
    condition: fn(&Row) -> bool,
) -> BTreeMap<(i64, String), Vec<&Row>> {
    let mut groups = BTreeMap::<_, Vec<&Row>>::new();
    let mut watermark = i64::MIN;
    for row in lines.iter().flatten() {
        let begin = row.at.div_euclid(width) * width;
        let is_late = begin + width <= watermark;
        if !is_late && condition(row) {
            let group = groups.entry((begin, row.key.to_string())).or_default();
            group.push(row);
        }
        watermark = watermark.max(row.at - lateness);
    }
    groups
}

async fn play(case: u64, path: &Path) {
    let mut chance = Chance::new(case);
    let (kind, keys) = one(&mut chance, &KEYS);
    let (text, lines) = file(&mut chance, keys);
    fs::write(path, &text).unwrap();
    let width = 1_000 * i64::try_from(1 + chance.below(6)).unwrap();
    let lateness = 500 * i64::try_from(chance.below(5)).unwrap();
    let (filter, passes) = one(&mut chance, &CONDITIONS);
    let (condition, counts) = one(&mut chance, &CONDITIONS);
    let aggregates: Vec<_> = (0..=chance.below(4))
        .map(|_| *one(&mut chance, &AGGREGATES))
        .collect();
    let columns = format!(
        "at TIMESTAMP, k {kind}, n BIGINT, d DOUBLE, WATERMARK FOR at AS at - interval '{lateness} milliseconds'"
    );
    let mut select = String::new();
    for (number, (aggregate, _)) in aggregates.iter().enumerate() {
        // The filter belongs to the aggregate, not to what is added to it.
        let (function, rest) = aggregate
            .split_once(" + ")
            .map_or((*aggregate, String::new()), |(function, rest)| {
                (function, format!(" + {rest}"))
            });
        write!(
            select,
            ", {function} FILTER (WHERE {condition}){rest} AS a{number}"
        )
        .unwrap();
    }
    let names: String = (0..aggregates.len()).fold(String::new(), |mut names, number| {
        write!(names, ", a{number}").unwrap();
        names
    });
    let query = format!(
        "{}SELECT w['start'] AS w, k{names} FROM (SELECT tumble(interval '{width} milliseconds') AS w, k{select} FROM src \
         WHERE {filter} GROUP BY w, k)",
        source(path, &columns, &format!("{GO}, bad_data = 'drop'"))
    );
    let mut expected: Vec<String> = Vec::new();
    for ((begin, _), rows) in groups(&lines, width, lateness, *passes) {
        let counted: Vec<&Row> = rows.iter().copied().filter(|row| counts(row)).collect();
        let mut row = json!([begin, rows[0].key]);
        for (_, compute) in &aggregates {
            row.as_array_mut().unwrap().push(compute(&counted));
        }
        expected.push(row.to_string());
    }
    let (rows, end) = run(program(&query).execute(None).unwrap()).await;
    end.unwrap_or_else(|error| panic!("case {case}: {error:?}\n{query}\n{text}"));
    let mut found: Vec<String> = rows.iter().map(|row| as_list(row)).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "case {case}\n{query}\n{text}");
}

/// A row as a list, its window in milliseconds since `BEGIN`.
fn as_list(row: &str) -> String {
    let fields: serde_json::Map<String, Value> = serde_json::from_str(row).unwrap();
    let mut list: Vec<Value> = Vec::new();
    list.push(json!(milliseconds(fields["w"].as_str().unwrap())));
    list.push(fields["k"].clone());
    for number in 0..fields.len() - 2 {
        list.push(fields[&format!("a{number}")].clone());
    }
    Value::from(list).to_string()
}

/// `2024-01-01T00:00:12` or, for what is before, `2023-12-31T23:59:58`.
fn milliseconds(time: &str) -> i64 {
    let (date, time) = time.split_once('T').unwrap();
    let parts: Vec<f64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    let seconds = parts[0] * 3600.0 + parts[1] * 60.0 + parts[2];
    #[expect(clippy::cast_possible_truncation, reason = "it is less than a day")]
    let milliseconds = (seconds * 1000.0).round() as i64;
    match date {
        "2024-01-01" => milliseconds,
        "2023-12-31" => milliseconds - 86_400_000,
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn windows_are_what_a_plain_computation_gives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.json");
    let number = |name: &str| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    if let Some(case) = number("STEPWELL_CASE") {
        return play(case, &path).await;
    }
    for case in 0..number("STEPWELL_CASES").unwrap_or(CASES) {
        play(case, &path).await;
    }
}
