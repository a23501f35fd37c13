//! The output that may vary when a session is replayed.

use std::sync::LazyLock;

use regex::Regex;

/// Texts that differ each time, and their replacements for the comparison.
static EACH_TIME: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:PORT"),
        (r"job_[0-9A-Za-z]+", "JOB"),
        (
            r"(?-u:\b)[0-9]+(\.[0-9]+)? ?(ns|µs|ms|s|min|h)(?-u:\b)",
            "TIME",
        ),
    ]
    .into_iter()
    .filter_map(|(pattern, name)| Some((Regex::new(pattern).ok()?, name)))
    .collect()
});

/// States that a job passes through, which may not be seen.
static IN_PASSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^ *job JOB is (Created|Compiling|Scheduling|Stopping|CheckpointStopping)(?-u:\b)")
        .ok()
});

static ID: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("(sw|pl)_[0-9A-Za-z]+").ok());

/// Separates rows and messages. The first of either after Ctrl-C is on the line of `^C`.
pub(crate) fn apart<'a>(
    lines: impl IntoIterator<Item = &'a String>,
) -> (Vec<&'a str>, Vec<&'a str>) {
    let lines = lines.into_iter();
    lines
        .map(|line| line.strip_prefix("^C").unwrap_or(line))
        .partition(|line| line.starts_with('{'))
}

/// The messages as they are compared.
pub(crate) fn messages(lines: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let lines = lines.into_iter().map(|line| {
        let mut line = line.as_ref().to_owned();
        for (pattern, name) in &*EACH_TIME {
            line = pattern.replace_all(&line, *name).into_owned();
        }
        line.trim_end().to_owned()
    });
    let in_passing = |line: &str| IN_PASSING.as_ref().is_some_and(|is| is.is_match(line));
    lines
        .filter(|line| !line.is_empty() && !in_passing(line))
        .collect()
}

/// Finds the id of a pipeline in a line.
pub(crate) fn id(line: &str) -> Option<&str> {
    Some(ID.as_ref()?.find(line)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_the_same_and_all_else_is_not() {
        let one = messages([
            "connect: done in 665.7µs",
            "  job job_hkhkcLF4jJ is Running",
            "  job job_hkhkcLF4jJ is CheckpointStopping, told to stop",
            "sw_12bb09 at http://127.0.0.1:41145/",
        ]);
        let other = messages([
            "connect: done in 4 ms",
            "  job job_K3 is Scheduling",
            "  job job_K3 is Running",
            "sw_12bb09 at http://127.0.0.1:1/",
        ]);
        assert_eq!(one, other);
        for different in ["connect: done", "  job job_K3 is Failed", "sw_13bb09"] {
            assert!(!one.contains(&messages([different])[0]), "{different}");
        }
    }

    #[test]
    fn an_id_is_found() {
        assert_eq!(id("pipeline sw_1a2B is running"), Some("sw_1a2B"));
        assert_eq!(id("nothing"), None);
    }
}
