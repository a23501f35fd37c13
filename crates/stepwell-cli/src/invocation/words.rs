//! The words of a command line: removing options, and quoting for a shell.

/// The short options that take a value.
const SHORT_WITH_VALUE: &str = "nps";

/// Removes an option, with its value if `option` ends with `=`.
pub(super) fn remove(words: &mut Vec<String>, option: &str) {
    let name = option.trim_end_matches('=');
    let takes_value = option.ends_with('=');
    let mut kept = Vec::with_capacity(words.len());
    let mut rest = std::mem::take(words).into_iter();
    while let Some(word) = rest.next() {
        if word == name {
            if takes_value {
                rest.next();
            }
        } else if name.starts_with("--") {
            if !(takes_value && word.starts_with(option)) {
                kept.push(word);
            }
        } else if let Some((others, is_last)) = without_short(&word, name) {
            // As in `-qp 200` and `-qp200`.
            if is_last {
                rest.next();
            }
            kept.extend(others);
        } else {
            kept.push(word);
        }
    }
    *words = kept;
}

/// Returns a word of short options without one of them, and whether that was the last one, so that its value is the next word.
fn without_short(word: &str, name: &str) -> Option<(Option<String>, bool)> {
    let options = word
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'))?;
    let wanted = name.chars().nth(1)?;
    let end = options.find(|option| option == wanted || SHORT_WITH_VALUE.contains(option))?;
    let (others, rest) = options.split_at(end);
    let mut rest = rest.chars();
    if rest.next() != Some(wanted) {
        return None;
    }
    let others = (!others.is_empty()).then(|| format!("-{others}"));
    Some((others, rest.next().is_none()))
}

/// Joins words to a line for a shell.
pub(super) fn join(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-:=,@%+".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
