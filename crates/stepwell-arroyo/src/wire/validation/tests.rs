use serde_json::json;

use super::*;

fn read(value: &serde_json::Value) -> SqlDiagnostic {
    serde_json::from_value::<Validation>(json!({"graph": null, "errors": [value]}))
        .unwrap()
        .errors
        .remove(0)
}

fn place(diagnostic: &SqlDiagnostic) -> Option<[u64; 4]> {
    diagnostic.span.map(|span| {
        [
            span.start.line,
            span.start.column,
            span.end.line,
            span.end.column,
        ]
    })
}

/// Recordings `013_validate_syntax_error` and `015_validate_unterminated_string`; servers up to 0.15 only send the text.
#[test]
fn a_place_in_the_words_becomes_the_span() {
    let table = [
        (
            "SQL error: ParserError(\"Expected: an SQL statement, found: SELEC at Line: 1, Column: 1\")",
            "Expected: an SQL statement, found: SELEC",
            Some([1, 1, 1, 6]),
        ),
        (
            "SQL error: TokenizerError(\"Unterminated string literal at Line: 1, Column: 8\")",
            "Unterminated string literal",
            Some([1, 8, 1, 8]),
        ),
        ("at Line: x, Column: 1", "at Line: x, Column: 1", None),
        ("a at Line: 0, Column: 0", "a at Line: 0, Column: 0", None),
        (
            "Expected: x, found: a\nb at Line: 2, Column: 3",
            "Expected: x, found: a b",
            Some([2, 3, 2, 6]),
        ),
        ("column 'a' not found", "column 'a' not found", None),
    ];
    for (words, message, span) in table {
        for value in [json!(words), json!({ "message": words })] {
            let diagnostic = read(&value);
            assert_eq!(diagnostic.message, message);
            assert_eq!(place(&diagnostic), span, "{words}");
            assert_eq!(diagnostic.server_words(), words);
        }
    }
}

#[test]
fn a_span_of_the_server_counts_more_than_its_words() {
    let value = json!({"message": "x, found: y at Line: 9, Column: 9", "span": {"start": {"line": 1, "column": 2}, "end": {"line": 1, "column": 3}}});
    let diagnostic = read(&value);
    assert_eq!(place(&diagnostic), Some([1, 2, 1, 3]));
    assert_eq!(diagnostic.message, "x, found: y");
    assert_eq!(json!(diagnostic), value, "written as it came");
}

#[test]
fn the_end_of_a_query_is_a_place() {
    for (query, expected) in [
        ("SELECT a FROM\n t WHERE  \n\n", [2, 9, 2, 9]),
        ("SELECT 'päron' +", [1, 17, 1, 17]),
        ("", [1, 1, 1, 1]),
    ] {
        let mut diagnostic = SqlDiagnostic::from_server(
            "SQL error: ParserError(\"Expected: an expression, found: EOF\")",
        );
        assert_eq!(
            diagnostic.message,
            "Expected: an expression, found: the end of the query"
        );
        assert_eq!(diagnostic.span, None);
        diagnostic.place_in(query);
        assert_eq!(place(&diagnostic), Some(expected), "{query:?}");
    }
}
