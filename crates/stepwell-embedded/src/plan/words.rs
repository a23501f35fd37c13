//! Rewords the messages of the planner's libraries.

use std::borrow::Cow;

use stepwell_arroyo::{SqlDiagnostic, hide_secrets, readable};

use super::supported;

/// How many characters of a value are shown.
const LONGEST: usize = 100;

/// How many characters of a message are shown.
const MOST: usize = 500;

/// The names of types in the messages of the libraries, and in SQL.
const TYPES: [(&str, &str); 19] = [
    ("Interval(MonthDayNano)", "INTERVAL"),
    ("Timestamp(ns)", "TIMESTAMP"),
    ("Time64(ns)", "TIME"),
    ("Utf8View", "TEXT"),
    ("LargeUtf8", "TEXT"),
    ("Utf8", "TEXT"),
    ("UInt64", "BIGINT UNSIGNED"),
    ("UInt32", "INT UNSIGNED"),
    ("UInt16", "SMALLINT UNSIGNED"),
    ("UInt8", "TINYINT UNSIGNED"),
    ("Int64", "BIGINT"),
    ("Int32", "INT"),
    ("Int16", "SMALLINT"),
    ("Int8", "TINYINT"),
    ("Float64", "DOUBLE"),
    ("Float32", "FLOAT"),
    ("Date32", "DATE"),
    ("Boolean", "BOOLEAN"),
    ("Binary", "BYTEA"),
];

/// Rewords a message of the planner.
pub(crate) fn of(message: &str) -> String {
    // Values are written as in SQL before the rest of the debug output is removed.
    let message = SqlDiagnostic::from_server(literals(message)).message;
    types(&known(&message))
}

/// Rewords the message of an expression that failed on a row. The values of the row are left alone.
pub(crate) fn of_failure(message: &str) -> String {
    types(&known(&readable(&literals(message))))
}

/// The message as it is shown: without the secrets of the query, and then shortened. The other way round, a part of a secret that was cut
/// could remain.
pub(crate) fn shown(query: &str, message: &str) -> String {
    shortened(&hide_secrets(query, message))
}

/// Shortens the long quotes and the long words of a text, and then the text.
fn shortened(text: &str) -> String {
    let mut short = String::new();
    let mut quote = None;
    let mut length = 0;
    let mut before = ' ';
    for character in text.chars() {
        let is_quote = matches!(character, '\'' | '"' | '`');
        let ends = match quote {
            Some(open) => character == open,
            None => character.is_whitespace() || is_quote,
        };
        if ends {
            length = 0;
            // An apostrophe does not open a quote.
            let opens = quote.is_none() && is_quote && !before.is_alphanumeric();
            quote = opens.then_some(character);
        } else {
            length += 1;
            if length > LONGEST {
                if length == LONGEST + 1 {
                    short.push('…');
                }
                continue;
            }
        }
        short.push(character);
        before = character;
    }
    if let Some((end, _)) = short.char_indices().nth(MOST) {
        short.truncate(end);
        short.push('…');
    }
    short
}

/// Messages that the engine states differently, and those about what only a cluster supports.
fn known(message: &str) -> String {
    let after = |prefix: &str| message.strip_prefix(prefix);
    let first = |rest: &str, end: char| rest.split(end).next().unwrap_or_default().to_owned();
    if let Some(name) = after("Invalid function '") {
        let name = first(name, '\'');
        if let Some(refusal) = supported::refuse_function(&name) {
            return refusal;
        }
    } else if let Some(kind) = after("Unsupported SQL type ") {
        return supported::refuse_type(kind).unwrap_or_else(|| format!("unknown type '{kind}'"));
    } else if let Some(predicate) = after("Cannot create filter with non-boolean predicate '") {
        let (predicate, kind) = predicate
            .rsplit_once("' returning ")
            .unwrap_or((predicate, "neither"));
        return format!("the condition has to be true or false, and {predicate} is {kind}");
    } else if let Some(name) = after("No field named ") {
        let name = first(name, ' ');
        return format!("column '{}' not found", name.trim_end_matches('.'));
    } else if let Some(name) = after("Invalid qualifier ") {
        return format!("table '{name}' not found");
    } else if after("Projections require unique expression names").is_some() {
        let column = message.split('"').nth(1).unwrap_or_default();
        let name = column.rsplit_once(" AS ").map_or(column, |(_, name)| name);
        let name = name.rsplit('.').next().unwrap_or(name);
        return format!("two columns have the name '{name}'; give one of them another with AS");
    } else if after("Could not plan array literal").is_some() {
        return supported::refuse_array();
    } else if let Some(kind) = after("Cannot access field at argument 1: type ") {
        return format!("a value of type {} has no fields", first(kind, ' '));
    } else if let Some(text) = after("Invalid input syntax for type interval: ") {
        return format!(
            "'{}' is no interval; write one like '1 minute'",
            text.trim_matches('"')
        );
    } else if after("No function matches the given name and argument types 'tumble(").is_some() {
        return "tumble() takes one interval, as in tumble(interval '1 minute')".to_owned();
    } else if let Some((_, cause)) = message.split_once("regex parse error: ") {
        let (pattern, cause) = cause.split_once(" error: ").unwrap_or(("", cause));
        let pattern = pattern.trim_end_matches([' ', '^']);
        return format!("the regular expression '{pattern}' is not valid: {cause}");
    } else if let Some(name) = after("Schema contains duplicate unqualified field name ") {
        return format!("column '{name}' is named twice");
    } else if let Some(kind) = after("Unsupported type '") {
        return format!("unknown type '{}'", first(kind, '\''));
    } else if after("Decimal(precision").is_some() {
        return "a DECIMAL has at most 76 digits, and no more of them after its point".to_owned();
    } else if let Some(text) = after("Invalid HexStringLiteral ") {
        return format!("{text} is no hexadecimal number");
    } else if after("`CAST(... AS type ARRAY`").is_some() {
        return supported::refuse_array_type();
    } else if let Some(kind) = after("Not yet implemented: Support for ") {
        let kind = kind.split(" in ").next().unwrap_or(kind);
        return supported::refuse_column_type(kind);
    } else if message.contains("sqltorel") || message.contains("ExprPlanner") {
        return supported::refuse_internal_expression();
    }
    message.to_owned()
}

/// Replaces the names of types by those of SQL.
fn types(message: &str) -> String {
    let mut words = message.to_owned();
    for (library, sql) in TYPES {
        let mut from = 0;
        while let Some(begin) = words[from..].find(library).map(|begin| from + begin) {
            let end = begin + library.len();
            let is_part = |character: char| character.is_alphanumeric() || character == '_';
            if words[..begin].ends_with(is_part) || words[end..].starts_with(is_part) {
                from = end;
            } else {
                words.replace_range(begin..end, sql);
                from = begin + sql.len();
            }
        }
    }
    words
}

/// Replaces `Int64(1)` and `Utf8("x")` by the literals of SQL.
fn literals(message: &str) -> Cow<'_, str> {
    const KINDS: [&str; 9] = [
        "IntervalMonthDayNano(",
        "Utf8View(",
        "Utf8(",
        "UInt64(",
        "Int64(",
        "Int32(",
        "Float64(",
        "Boolean(",
        "Decimal128(",
    ];
    let found = KINDS
        .iter()
        .filter_map(|kind| message.find(kind).map(|begin| (begin, *kind)))
        .min();
    let Some((begin, kind)) = found else {
        return Cow::Borrowed(message);
    };
    let rest = &message[begin + kind.len()..];
    let (end, closing) = match rest.strip_prefix('"') {
        Some(_) => (rest.find("\")"), 2),
        None => (rest.find(')'), 1),
    };
    let Some(end) = end else {
        return Cow::Borrowed(message);
    };
    let value = match kind {
        "IntervalMonthDayNano(" => "an interval".to_owned(),
        _ if closing == 2 => format!("'{}'", &rest[1..end]),
        _ => rest[..end].to_owned(),
    };
    let rest = literals(&rest[end + closing..]);
    Cow::Owned(format!("{}{value}{rest}", &message[..begin]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_in_the_engines_words() {
        let table = [
            ("Error during planning: a", "a"),
            (
                "Cannot create filter with non-boolean predicate 'Utf8(\"x\")' returning Utf8",
                "the condition has to be true or false, and 'x' is TEXT",
            ),
            ("Unsupported SQL type FOO", "unknown type 'FOO'"),
            (
                "Schema error: No field named zz.\nValid fields are t.a.",
                "column 'zz' not found",
            ),
            ("Invalid function 'frob'", "Invalid function 'frob'"),
            (
                "Cannot cast string 'x' to value of Int64 type",
                "Cannot cast string 'x' to value of BIGINT type",
            ),
            (
                "the column MyInt64 is t.a > Int64(1)",
                "the column MyInt64 is t.a > 1",
            ),
            ("Arrow error: Divide by zero error", "Divide by zero error"),
        ];
        for (message, expected) in table {
            assert_eq!(of(message), expected);
        }
        for name in ["sha256", "json_get_str", "array_length", "row_number"] {
            let words = of(&format!("Invalid function '{name}'"));
            let expected = format!(
                "the embedded engine does not support the function {name}(); an Arroyo cluster does (--server URL)"
            );
            assert_eq!(words, expected);
        }
    }

    #[test]
    fn long_values_are_cut() {
        let long = "x".repeat(5000);
        for message in [
            format!("Cannot cast string '{long}' to value of Int64 type"),
            format!("it isn't '{long}'"),
            format!("column {long} is not there"),
            format!("unclosed '{long}"),
        ] {
            let words = shown("", &of(&message));
            assert!(words.len() < 200 && words.contains("x…"), "{words}");
        }
        let words = "a ".repeat(200);
        assert_eq!(shortened(&words), words, "words are not a value");
        assert_eq!(shortened(&"a ".repeat(2000)).chars().count(), 501);
    }
}
