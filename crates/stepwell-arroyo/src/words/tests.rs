use super::{of_query, readable};

#[test]
fn wrappers_of_libraries_are_taken_away() {
    let table = [
        ("Query is empty!", "Query is empty!"),
        ("column 'aaa' not found", "column 'aaa' not found"),
        (
            "Schema error: No field named nothing. Valid fields are impulse.counter, impulse.subtask_index.",
            "No field named nothing. Valid fields are impulse.counter, impulse.subtask_index.",
        ),
        (
            r#"SQL error: ParserError("Expected: end of statement, found: \\ at Line: 3, Column: 17")"#,
            r"Expected: end of statement, found: \ at Line: 3, Column: 17",
        ),
        (
            r#"SQL error: TokenizerError("Expected close delimiter '\"' before EOF. \u{feff}")"#,
            "Expected close delimiter '\"' before EOF. \u{feff}",
        ),
        (
            "Failed to create table t\ncaused by\nError during planning: Error during planning: required option 'path' not set",
            "Failed to create table t: required option 'path' not set",
        ),
        (
            "Optimizer rule 'simplify_expressions' failed\ncaused by\nArrow error: Cast error: Cannot cast string 'x' to value of Int64 type",
            "Cannot cast string 'x' to value of Int64 type",
        ),
        (
            "type_coercion\ncaused by\nError during planning: There isn't a common type",
            "There isn't a common type",
        ),
        (
            "Error during planning: Function 'abs' expects Numeric but received String. No function matches the given name and argument types 'abs(Utf8)'. You might need to add explicit type casts.\n\tCandidate functions:\n\tabs(Numeric(1))",
            "No function matches the given name and argument types 'abs(Utf8)'. You might need to add explicit type casts.",
        ),
        (
            "Error during planning: Internal error: Function 'log' failed to match any signature, errors: Error during planning: x.\nThis issue was likely caused by a bug in DataFusion's code. Please help us to resolve this by filing a bug report in our issue tracker: https://github.com/apache/datafusion/issues. No function matches the given name and argument types 'log(Utf8)'. You might need to add explicit type casts.",
            "No function matches the given name and argument types 'log(Utf8)'. You might need to add explicit type casts.",
        ),
        (
            "Internal error: it broke.\nThis issue was likely caused by a bug in DataFusion's code. Please help us",
            "it broke.",
        ),
        (
            "This feature is not implemented: Could not plan array literal. Hint: Please try with `nested_expressions` DataFusion feature enabled",
            "Could not plan array literal.",
        ),
        (
            r#"This feature is not implemented: Unsupported ast node in sqltorel: Collate { expr: Identifier(Ident { value: "b" }) }"#,
            "Unsupported ast node in sqltorel",
        ),
        (
            "Unsupported Interval Expression with last_field Some(Month)",
            "Unsupported Interval Expression with last_field",
        ),
        (
            "invalid UDF: broken\n\nStack backtrace:\n   0: <unknown>",
            "invalid UDF: broken",
        ),
        ("MySQL error: no such host", "MySQL error: no such host"),
        (
            "Failed to plan query:\n * SQL error: a\n * Schema error: b",
            "Failed to plan query:\n * a\n * b",
        ),
        (
            "Internal error: Foo { bar: 1 }",
            "the query cannot be planned",
        ),
        ("json { \"a\": 1 } is bad", "json { \"a\": 1 } is bad"),
    ];
    for (words, expected) in table {
        assert_eq!(of_query(words), expected, "{words}");
    }
}

/// The failure of a job can be anything, so planner steps and debug output are not removed from it.
#[test]
fn of_what_is_not_about_a_query_only_wrappers_are_taken_away() {
    for words in [
        "",
        "out_of_memory",
        "worker_lost",
        r#"expected a number, got ["a"] in line 7"#,
        "expected None, got Some(1) in line 7",
        "the state Foo { bar: 1 } cannot be read",
        "Optimizer rule 'x' failed",
    ] {
        assert_eq!(readable(words), words);
    }
    for (words, expected) in [
        (
            r#"Execution error: ParserError("expected [\"a\"]") in line 7"#,
            r#"expected ["a"] in line 7"#,
        ),
        (
            "worker failed\ncaused by\nout_of_memory\n\nbacktrace: 0: a",
            "worker failed: out_of_memory",
        ),
        ("Error during planning: worker_lost", "worker_lost"),
        ("two lines\n  of it...", "two lines of it..."),
    ] {
        assert_eq!(readable(words), expected);
    }
}

#[test]
fn what_is_readable_stays_as_it_is() {
    for words in [
        "error in connector: failed to open file '/srv/data/missing.json': No such file or directory (os error 2)",
        "No function matches the given name and argument types 'abs(Utf8)'. You might need to add explicit type casts.",
        "päron 日本 🍐",
    ] {
        assert_eq!(readable(words), words);
        assert_eq!(of_query(words), words);
    }
}

#[test]
fn no_words_break_it() {
    for words in [
        "",
        "\n",
        "Error(\"",
        "xError(\"a\\",
        "SQL error: ",
        " { ",
        "Some(",
        "Error(\"\\u{zz}\")",
        "🍐 { ",
    ] {
        let _ = (readable(words), of_query(words));
    }
}
