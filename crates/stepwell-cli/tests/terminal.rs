//! Standard error on a terminal.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use support::{
    example, stepwell,
    terminal::{Stream, on_a_terminal},
};

#[test]
fn steps_become_ticks_in_colour() {
    let (code, shown) = on_a_terminal(
        stepwell(&["run", &example("finite.sql")]),
        Stream::Error,
        80,
    );
    assert_eq!(code, Some(0), "{shown}");
    for step in ["connect", "validate", "resolve", "wait until running"] {
        assert!(
            shown.contains(&format!("\u{1b}[32m✓\u{1b}[0m {step} (")),
            "{step} has no tick in {shown:?}"
        );
    }
}

#[test]
fn no_color_means_none() {
    let mut command = stepwell(&["run", &example("finite.sql")]);
    command.env("NO_COLOR", "1");
    let (_, shown) = on_a_terminal(command, Stream::Error, 80);
    assert!(shown.contains("✓ connect ("), "{shown:?}");
    assert!(!shown.contains("\u{1b}[32m"), "{shown:?}");
}
