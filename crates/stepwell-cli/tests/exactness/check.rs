//! Comparisons.

/// Reports the first difference between lines.
pub(crate) fn same(expected: &[String], found: &[&str]) -> Result<(), String> {
    let differs = expected
        .iter()
        .zip(found)
        .position(|(expected, found)| expected != found);
    if let Some(line) = differs {
        return Err(format!(
            "line {} is {}, and should be {}",
            line + 1,
            found[line],
            expected[line]
        ));
    }
    if expected.len() == found.len() {
        Ok(())
    } else {
        Err(format!(
            "there are {} lines, and should be {}",
            found.len(),
            expected.len()
        ))
    }
}

/// The complete lines of a text whose last line may be cut off.
pub(crate) fn whole_lines(text: &str) -> Vec<&str> {
    match text.rsplit_once('\n') {
        Some((whole, _)) => whole.split('\n').collect(),
        None => Vec::new(),
    }
}
