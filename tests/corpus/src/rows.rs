//! Comparing rows.

use serde_json::{Number, Value};

/// The relative difference that is allowed between doubles: sums of doubles depend on the order.
const TOLERANCE: f64 = 1e-9;

/// How many rows of each kind are shown.
const SHOWN: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Kept,
    Open,
}

/// Parses a text with one row per line.
pub fn parse(text: &str) -> Vec<Value> {
    let row = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the row {line}"))
    };
    text.lines().map(row).collect()
}

/// Describes the differences between two sets of rows, if there are any.
pub fn differences(expected: &[Value], found: &[Value], order: Order) -> Option<String> {
    let mut missing = Vec::new();
    let mut left: Vec<_> = found.iter().collect();
    for row in expected {
        match left.iter().position(|found| same(row, found)) {
            Some(position) => drop(left.remove(position)),
            None => missing.push(row),
        }
    }
    if !missing.is_empty() || !left.is_empty() {
        return Some(format!(
            "{} of {} rows missing{}, {} not expected{}",
            missing.len(),
            expected.len(),
            shown(&missing),
            left.len(),
            shown(&left)
        ));
    }
    let in_order = || {
        let mut pairs = expected.iter().zip(found);
        pairs.all(|(expected, found)| same(expected, found))
    };
    (order == Order::Kept && !in_order()).then(|| "the rows are out of order".to_owned())
}

fn shown(rows: &[&Value]) -> String {
    let rows: Vec<_> = rows.iter().take(SHOWN).map(ToString::to_string).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(":\n      {}\n   ", rows.join("\n      "))
}

fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Number(expected), Value::Number(found)) => same_number(expected, found),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .zip(found)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Object(expected), Value::Object(found)) => {
            let has = |(name, value): (&String, &Value)| {
                found.get(name).is_some_and(|found| same(value, found))
            };
            expected.len() == found.len() && expected.iter().all(has)
        }
        _ => expected == found,
    }
}

/// Integers must be equal. An integer never equals a double.
fn same_number(expected: &Number, found: &Number) -> bool {
    if expected.is_f64() != found.is_f64() {
        return false;
    }
    match (expected.as_f64(), found.as_f64()) {
        (Some(left), Some(right)) if expected.is_f64() => {
            (left - right).abs() <= TOLERANCE * left.abs().max(right.abs())
        }
        _ => expected == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(expected: &str, found: &str, order: Order) -> bool {
        differences(&parse(expected), &parse(found), order).is_some()
    }

    #[test]
    fn rows_are_a_multiset_and_in_order_if_that_is_wanted() {
        let table = [
            ("1\n2\n2", "2\n1\n2", false, true),
            ("1\n2\n2", "1\n2\n2", false, false),
            ("1\n2\n2", "1\n1\n2", true, true),
            ("1\n2", "1\n2\n2", true, true),
            ("1\n2\n2", "1\n2", true, true),
            ("", "", false, false),
        ];
        for (expected, found, open, kept) in table {
            assert_eq!(differ(expected, found, Order::Open), open, "{found}");
            assert_eq!(differ(expected, found, Order::Kept), kept, "{found}");
        }
    }

    #[test]
    fn values_are_compared_exactly_but_for_doubles() {
        let table = [
            ("9007199254740993", "9007199254740992", true),
            ("18446744073709551615", "18446744073709551615", false),
            ("-1", "18446744073709551615", true),
            ("2", "2.0", true),
            ("0.3", "0.30000000000000004", false),
            ("1.0", "1.00000001", true),
            ("0.0", "-0.0", false),
            (r#"{"a":1,"b":null}"#, r#"{"b":null,"a":1}"#, false),
            (r#"{"a":1,"b":null}"#, r#"{"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, true),
            (r#"{"w":{"start":"x"}}"#, r#"{"w":{"start":"y"}}"#, true),
            ("[1,2]", "[1]", true),
            ("null", "false", true),
            (r#""1""#, "1", true),
        ];
        for (expected, found, differs) in table {
            assert_eq!(
                differ(expected, found, Order::Kept),
                differs,
                "{expected} {found}"
            );
        }
    }
}
