//! Masking what a query says in `WITH (…)`: the options of connectors carry passwords.

use std::ops::Range;

/// The query with every string literal inside `WITH (…)` replaced by as many asterisks, character by character, so that places stay. A
/// value in double quotes, which is no literal but is meant as one, is replaced too.
///
/// ```
/// let query = "CREATE TABLE t WITH (password = 'hunter2')";
/// assert_eq!(stepwell_arroyo::mask_options(query), "CREATE TABLE t WITH (password = '*******')");
/// ```
pub fn mask_options(query: &str) -> String {
    let mut masked = String::with_capacity(query.len());
    let mut done = 0;
    for literal in literals(query) {
        masked.push_str(&query[done..literal.place.start]);
        let hidden = query[literal.place.clone()].chars();
        masked.extend(hidden.map(|character| match character {
            '\n' | '\r' => character,
            _ => '*',
        }));
        done = literal.place.end;
    }
    masked.push_str(&query[done..]);
    masked
}

/// A string literal inside `WITH (…)`, or a value in double quotes.
#[derive(Debug)]
pub(crate) struct Literal<'a> {
    /// Where it is, without its quotes.
    pub(crate) place: Range<usize>,
    /// What stands before it in the same option, its name most often; `None` for what comes first, which is a name itself.
    pub(crate) after: Option<&'a str>,
}

/// Every string literal inside `WITH (…)`, in its order. It reads what a parser would refuse too: that is when it is needed.
pub(crate) fn literals(query: &str) -> Vec<Literal<'_>> {
    let mut found = Vec::new();
    // How deep in parentheses of a WITH; 0 is outside.
    let mut depth = 0_usize;
    let mut after_with = false;
    // The last word or literal of the option.
    let mut before = None;
    let mut place = 0;
    while let Some(character) = query[place..].chars().next() {
        let rest = &query[place..];
        let length = match character {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' | '"' => {
                let inside = place + 1..place + 1 + inside(&rest[1..], character);
                let text = &query[inside.clone()];
                let closed = usize::from(inside.end < query.len());
                // A name may be in double quotes.
                if depth > 0 && (character == '\'' || before.is_some()) {
                    found.push(Literal {
                        place: inside,
                        after: before,
                    });
                }
                before = Some(text);
                after_with = false;
                1 + text.len() + closed
            }
            _ if is_of_word(character) => {
                let end = rest
                    .find(|character| !is_of_word(character))
                    .unwrap_or(rest.len());
                let word = &rest[..end];
                after_with = word.eq_ignore_ascii_case("with");
                before = Some(word);
                end
            }
            _ => {
                match character {
                    '(' if depth > 0 || after_with => {
                        depth += 1;
                        before = if depth == 1 { None } else { before };
                    }
                    ')' => depth = depth.saturating_sub(1),
                    ',' if depth <= 1 => before = None,
                    _ => {}
                }
                after_with &= character.is_whitespace();
                character.len_utf8()
            }
        };
        place += length;
    }
    found
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// How long a literal is up to the quote that ends it; a doubled quote is part of it.
fn inside(text: &str, quote: char) -> usize {
    let mut from = 0;
    while let Some(end) = text[from..].find(quote).map(|end| from + end) {
        if !text[end + 1..].starts_with(quote) {
            return end;
        }
        from = end + 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_with_are_hidden_and_no_others() {
        let table = [
            ("WITH (a = 'secret')", "WITH (a = '******')"),
            (
                "with(\n a='x''y', b = 'z') SELECT 'shown'",
                "with(\n a='****', b = '*') SELECT 'shown'",
            ),
            (
                "WITH t AS (SELECT 'shown') SELECT 1",
                "WITH t AS (SELECT 'shown') SELECT 1",
            ),
            (
                "WITH /* 'c' */ (a = f('x'), b = 'y')",
                "WITH /* 'c' */ (a = f('*'), b = '*')",
            ),
            ("-- with (\nSELECT 'shown'", "-- with (\nSELECT 'shown'"),
            ("WITH (a = 'päron", "WITH (a = '*****"),
            ("WITH (\"a\" = \"secret\")", "WITH (\"a\" = \"******\")"),
            ("SELECT \"with (\" , 'shown'", "SELECT \"with (\" , 'shown'"),
        ];
        for (query, expected) in table {
            assert_eq!(mask_options(query), expected);
            assert_eq!(
                mask_options(query).chars().count(),
                query.chars().count(),
                "places stay"
            );
        }
    }

    #[test]
    fn a_literal_knows_what_it_follows() {
        let query = "SELECT 'a' WITH ('n' = 'b', auth.k = 'c' 'd', 'm' 'e', f('g', 'h'))";
        let found = literals(query);
        let found: Vec<_> = found
            .iter()
            .map(|literal| (&query[literal.place.clone()], literal.after))
            .collect();
        assert_eq!(
            found,
            [
                ("n", None),
                ("b", Some("n")),
                ("c", Some("k")),
                ("d", Some("c")),
                ("m", None),
                ("e", Some("m")),
                ("g", Some("f")),
                ("h", Some("g")),
            ]
        );
    }
}
