//! What is compared with what.

/// Says where lines differ first.
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

/// The lines of a text that may have been cut off in its last.
pub(crate) fn whole_lines(text: &str) -> Vec<&str> {
    match text.rsplit_once('\n') {
        Some((whole, _)) => whole.split('\n').collect(),
        None => Vec::new(),
    }
}
