//! Making a server's messages readable.

use std::{borrow::Cow, iter};

/// The prefixes that a server's libraries put before a message.
const WRAPPERS: [&str; 14] = [
    "DataFusion error: ",
    "SQL error: ",
    "Error during planning: ",
    "Schema error: ",
    "This feature is not implemented: ",
    "Execution error: ",
    "Arrow error: ",
    "External error: ",
    "Internal error: ",
    "Invalid argument error: ",
    "Cast error: ",
    "Parser error: ",
    "Json error: ",
    "Compute error: ",
];

/// The texts that end the useful part of a message.
const CUTS: [&str; 7] = [
    "\n\nbacktrace: ",
    "\nStack backtrace:",
    "\n\tCandidate functions:",
    " Hint: Please try with `",
    " requires compilation with feature flag",
    "This was likely caused by a bug in DataFusion",
    "This issue was likely caused by a bug in DataFusion",
];

/// The beginning of the useful part of a message about the arguments of a function. The library's attempts to match a signature precede it.
const NO_FUNCTION: &str = "No function matches the given name and argument types '";

/// The separator between an error and its cause.
const CAUSED_BY: &str = "\ncaused by\n";

/// The beginning of each of several errors.
const ITEM: &str = "\n * ";

/// Makes a server's message readable.
///
/// Servers pass on the messages of the libraries that plan and run their queries. This removes the names of error kinds, backtraces, lists of
/// candidate functions, hints about features of the library, and where to report its bugs. The rest is unchanged, on one line. The message
/// of a [`SqlDiagnostic`](crate::SqlDiagnostic) also loses the planner's debug output.
///
/// ```
/// use stepwell_arroyo::readable;
///
/// let words = "Failed to create table t\ncaused by\nError during planning: Unknown connector 'frobnicate'";
/// assert_eq!(readable(words), "Failed to create table t: Unknown connector 'frobnicate'");
/// assert_eq!(readable("SQL error: Divide by zero error"), "Divide by zero error");
/// ```
pub fn readable(words: &str) -> String {
    each(words, unwrapped)
}

/// Makes a message about a query [`readable`], and removes the steps and the debug output of the planner.
pub(crate) fn of_query(words: &str) -> String {
    let words = each(words, part);
    let one = |words: &str| match words {
        // The message had nothing else.
        "" => "the query cannot be planned".to_owned(),
        words => words.to_owned(),
    };
    let items: Vec<_> = words.split(ITEM).map(one).collect();
    items.join(ITEM)
}

/// Changes each cause of each error in a message. Causes that become empty are left out.
fn each(words: &str, change: fn(&str) -> String) -> String {
    let one = |words: &str| {
        let words = without_debug_quotes(words);
        let parts = words.split(CAUSED_BY).map(change);
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        parts.join(": ")
    };
    let items: Vec<_> = words.split(ITEM).map(one).collect();
    items.join(ITEM)
}

/// A cause without the text around its message.
fn unwrapped(words: &str) -> String {
    on_one_line(&without_wrappers(without_ends(words.trim())))
}

/// A cause in a message about a query; empty if it only names a step of the planner.
fn part(words: &str) -> String {
    let is_rule = |words: &str| {
        let is_name =
            words.contains('_') && words.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_name || words.starts_with("Optimizer rule '") && words.ends_with("' failed")
    };
    let mut words = words.trim();
    if is_rule(words) {
        return String::new();
    }
    // Done first, because the attempts before it may contain texts that would end the message.
    if let Some(begin) = words.find(NO_FUNCTION) {
        words = &words[begin..];
    }
    let words = without_wrappers(without_ends(words));
    let line = on_one_line(without_debug_output(&words));
    // Some messages end with two full stops.
    line.strip_suffix("..").unwrap_or(&line).to_owned()
}

/// The message without what a library adds at its end.
fn without_ends(mut words: &str) -> &str {
    for cut in CUTS {
        words = words.find(cut).map_or(words, |end| {
            words[..end].trim_end_matches([',', ':', '\n', ' '])
        });
    }
    words
}

fn on_one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_wrappers(words: &str) -> String {
    let mut words = words.to_owned();
    for wrapper in WRAPPERS {
        let mut from = 0;
        while let Some(begin) = words[from..].find(wrapper).map(|begin| from + begin) {
            // In "MySQL error: " the prefix is part of a longer word.
            if words[..begin].ends_with(char::is_alphanumeric) {
                from = begin + wrapper.len();
            } else {
                words.replace_range(begin..begin + wrapper.len(), "");
                from = begin;
            }
        }
    }
    words
}

/// Replaces `ParserError("…")` with the text inside.
fn without_debug_quotes(words: &str) -> Cow<'_, str> {
    const OPEN: &str = "Error(\"";
    let Some(open) = words.find(OPEN) else {
        return Cow::Borrowed(words);
    };
    let begin = words[..open]
        .rfind(|c: char| !c.is_alphanumeric())
        .map_or(0, |before| before + 1);
    let quoted = &words[open + OPEN.len()..];
    let Some((inside, rest)) = unquoted(quoted) else {
        return Cow::Borrowed(words);
    };
    let rest = without_debug_quotes(rest.strip_prefix(')').unwrap_or(rest));
    Cow::Owned(format!("{}{inside}{rest}", &words[..begin]))
}

/// Parses a string as `Debug` writes it, after its opening quote. Returns the text, and what follows the closing quote.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut inside = String::new();
    let mut characters = quoted.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((inside, &quoted[place + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => inside.push('\n'),
                't' => inside.push('\t'),
                'r' => inside.push('\r'),
                'u' => {
                    let digits: String = iter::from_fn(|| characters.next())
                        .map(|(_, digit)| digit)
                        .skip_while(|digit| *digit == '{')
                        .take_while(|digit| *digit != '}')
                        .collect();
                    let code = u32::from_str_radix(&digits, 16).ok();
                    inside.extend(code.and_then(char::from_u32));
                }
                other => inside.push(other),
            },
            other => inside.push(other),
        }
    }
    None
}

/// The message up to the first debug output: `Ident { value: …`, `Some(…`.
fn without_debug_output(words: &str) -> &str {
    // A type name, which begins with a capital, precedes the brace.
    let structure = words.match_indices(" { ").find_map(|(brace, _)| {
        let name = words[..brace].rfind(|c: char| !c.is_alphanumeric());
        let begin = name.map_or(0, |before| before + 1);
        words[begin..brace]
            .starts_with(|c: char| c.is_ascii_uppercase())
            .then_some(begin)
    });
    let begin = [
        structure,
        words.find("Some("),
        words.find("[Literal("),
        words.find("[\""),
    ]
    .into_iter()
    .flatten()
    .min();
    match begin {
        None => words,
        Some(begin) => words[..begin].trim_end_matches(|c: char| !c.is_alphanumeric() && c != ')'),
    }
}

#[cfg(test)]
mod tests;
