//! SQL diagnostics, each with the line of the query and carets under it.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use stepwell::arroyo::{SqlDiagnostic, SqlLocation, mask_options};

/// A query and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct NamedQuery {
    /// The path of the file, or `standard input`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Renders the diagnostics of a query as a compiler does.
pub(crate) fn render(query: &NamedQuery, diagnostics: &[SqlDiagnostic], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let masked = mask_options(&query.text);
    let texts: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| one(&renderer, query, &masked, diagnostic))
        .collect();
    texts.join("\n")
}

fn one(
    renderer: &Renderer,
    query: &NamedQuery,
    masked: &str,
    diagnostic: &SqlDiagnostic,
) -> String {
    let title = Level::ERROR.primary_title(diagnostic.message.as_str());
    let span = diagnostic.span.and_then(|span| {
        let start = offset(masked, span.start)?;
        // A span without an end, or with its end before its start, still shows where it begins.
        let end = offset(masked, span.end)
            .filter(|end| *end > start)
            .unwrap_or(start);
        Some(start..end)
    });
    let group = match span {
        Some(span) => title.element(
            Snippet::source(masked)
                .path(query.name.as_str())
                .annotation(AnnotationKind::Primary.span(span)),
        ),
        None => title.element(annotate_snippets::Origin::path(query.name.as_str())),
    };
    renderer.render(&[group])
}

/// The byte offset of a location, or `None` if the text has no such line. Lines and columns count from 1, columns in characters.
fn offset(text: &str, location: SqlLocation) -> Option<usize> {
    let line = usize::try_from(location.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(location.column).ok()?.checked_sub(1)?;
    let start = if line == 0 {
        0
    } else {
        text.match_indices('\n').nth(line - 1)?.0 + 1
    };
    let rest = &text[start..];
    let rest = &rest[..rest.find('\n').unwrap_or(rest.len())];
    Some(
        start
            + rest
                .char_indices()
                .nth(column)
                .map_or(rest.len(), |(index, _)| index),
    )
}

#[cfg(test)]
mod tests {
    use stepwell::arroyo::SqlSpan;

    use super::*;

    fn shown(text: &str, span: [u64; 4]) -> String {
        let [line, column, end_line, end_column] = span;
        let span = SqlSpan::new(
            SqlLocation::new(line, column),
            SqlLocation::new(end_line, end_column),
        );
        let query = NamedQuery {
            name: "q.sql".to_owned(),
            text: text.to_owned(),
        };
        render(&query, &[SqlDiagnostic::new("it is wrong").at(span)], false)
    }

    #[test]
    fn the_caret_is_under_the_span() {
        let text = shown("SELECT a,\n  missing FROM t", [2, 3, 2, 10]);
        assert!(text.contains("2 |   missing FROM t"), "{text}");
        assert!(text.contains("  |   ^^^^^^^"), "{text}");
        assert!(text.contains("q.sql:2:3"), "{text}");
    }

    #[test]
    fn passwords_are_not_shown() {
        let text = shown(
            "CREATE TABLE t WITH (password = 'hunter2', x = y)",
            [1, 44, 1, 45],
        );
        assert!(
            !text.contains("hunter2") && text.contains("*******"),
            "{text}"
        );
    }

    #[test]
    fn no_span_breaks_it() {
        for span in [
            [1, 1, 1, 1],
            [0, 0, 0, 0],
            [9, 1, 9, 2],
            [1, 99, 1, 100],
            [1, 5, 1, 2],
            [2, 1, 1, 1],
            [1, 2, 3, 1],
            [u64::MAX, u64::MAX, 1, 1],
        ] {
            for text in ["", "\n", "päron 日本 🍐\r\n\tx", "SELECT 1"] {
                assert!(shown(text, span).contains("it is wrong"));
            }
        }
    }
}
