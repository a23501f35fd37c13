//! Whether output is coloured.

#![allow(
    clippy::doc_markdown,
    reason = "a doc comment here is a help text on a terminal"
)]

use std::{ffi::OsString, io::IsTerminal, sync::OnceLock};

use clap::ValueEnum;

/// The value of `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless the environment says otherwise (NO_COLOR, CLICOLOR_FORCE, TERM=dumb)
    #[default]
    Auto,
    /// Wherever it goes
    Always,
    /// Nowhere
    Never,
}

/// The choice on the command line. It is set once, before anything is shown.
static WHEN: OnceLock<When> = OnceLock::new();

/// Sets the choice for the rest of the process. Only the first call counts.
pub(crate) fn choose(when: When) {
    let _ = WHEN.set(when);
}

/// Whether output to this stream is coloured.
pub(crate) fn is_used_on(stream: &impl IsTerminal) -> bool {
    let when = WHEN.get().copied().unwrap_or_default();
    decide(when, stream.is_terminal(), |name| std::env::var_os(name))
}

/// Follows <https://no-color.org> and <https://bixense.com/clicolors>, as clap does for the help.
fn decide(when: When, is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let given = |name| variable(name).filter(|value| !value.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if given("NO_COLOR").is_some() => false,
        When::Auto if given("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        When::Auto => {
            let unwanted = given("CLICOLOR").is_some_and(|value| value == "0");
            let dumb = given("TERM").is_some_and(|term| term == "dumb");
            is_terminal && !unwanted && !dumb
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_unless_the_command_line_does() {
        for (when, is_terminal, variables, expected) in [
            (When::Auto, true, &[][..], true),
            (When::Auto, false, &[], false),
            (When::Auto, true, &[("NO_COLOR", "1")], false),
            (When::Auto, true, &[("NO_COLOR", "")], true),
            (When::Auto, true, &[("TERM", "dumb")], false),
            (When::Auto, true, &[("CLICOLOR", "0")], false),
            (When::Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (When::Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (
                When::Auto,
                true,
                &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
                false,
            ),
            (When::Always, false, &[("NO_COLOR", "1")], true),
            (When::Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            let variable = |name: &str| {
                let mut variables = variables.iter();
                variables.find_map(|(key, value)| (*key == name).then(|| OsString::from(value)))
            };
            assert_eq!(
                decide(when, is_terminal, variable),
                expected,
                "{when:?} {is_terminal} {variables:?}"
            );
        }
    }
}
