//! Masking what a query says in `WITH (…)`: the options of connectors carry passwords.

/// The query with every string literal inside `WITH (…)` replaced by as many asterisks, character by character, so that places stay.
pub(crate) fn mask(query: &str) -> String {
    let mut masked = String::with_capacity(query.len());
    let mut characters = query.char_indices().peekable();
    // How deep in parentheses of a WITH; 0 is outside.
    let mut depth = 0_usize;
    let mut word = String::new();
    let mut after_with = false;
    while let Some((index, character)) = characters.next() {
        let rest = &query[index..];
        if rest.starts_with("--") || rest.starts_with("/*") {
            let end = if rest.starts_with("--") {
                rest.find('\n')
            } else {
                rest.find("*/").map(|end| end + 2)
            };
            let end = end.unwrap_or(rest.len());
            masked.push_str(&rest[..end]);
            while characters
                .next_if(|(next, _)| *next < index + end)
                .is_some()
            {}
            word.clear();
            continue;
        }
        if character == '\'' || character == '"' {
            copy_literal(
                character,
                depth > 0 && character == '\'',
                &mut characters,
                &mut masked,
            );
            word.clear();
            after_with = false;
            continue;
        }
        masked.push(character);
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        if !word.is_empty() {
            after_with = word.eq_ignore_ascii_case("with");
            word.clear();
        }
        match character {
            '(' if depth > 0 || after_with => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !character.is_whitespace() {
            after_with = false;
        }
    }
    masked
}

/// Copies a literal up to its end; a doubled quote is part of it.
fn copy_literal(
    quote: char,
    hidden: bool,
    characters: &mut std::iter::Peekable<std::str::CharIndices<'_>>,
    masked: &mut String,
) {
    masked.push(quote);
    while let Some((_, character)) = characters.next() {
        if character == quote {
            if characters.next_if(|(_, next)| *next == quote).is_none() {
                masked.push(quote);
                return;
            }
            masked.push_str(if hidden {
                "**"
            } else if quote == '"' {
                "\"\""
            } else {
                "''"
            });
            continue;
        }
        let shown = if hidden && character != '\n' && character != '\r' {
            '*'
        } else {
            character
        };
        masked.push(shown);
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

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
            ("SELECT \"with (\" , 'shown'", "SELECT \"with (\" , 'shown'"),
        ];
        for (query, expected) in table {
            assert_eq!(mask(query), expected);
            assert_eq!(
                mask(query).chars().count(),
                query.chars().count(),
                "places stay"
            );
        }
    }
}
