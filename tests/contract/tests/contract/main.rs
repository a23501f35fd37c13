//! The client and the workflow are held to a real Arroyo: to its recorded exchanges and timelines, to its own OpenAPI document, and to the
//! types of its releases. What is checked of the recordings is checked here, once.
//!
//! `cargo test -p contract -- --nocapture` prints what was counted.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(unreachable_pub, reason = "a test is its own crate")]

mod call;
mod document;
mod exchanges;
mod generations;
mod names;
mod openapi;
mod recording;
mod replay;
mod request;
mod timelines;

use std::{collections::BTreeMap, fmt::Display};

/// How often each thing was met.
#[derive(Default)]
struct Counts(BTreeMap<String, usize>);

impl Counts {
    fn count(&mut self, what: impl Display) {
        *self.0.entry(what.to_string()).or_default() += 1;
    }

    fn print(&self, of: &str) {
        println!("{of}:");
        for (what, count) in &self.0 {
            println!("{count:6}  {what}");
        }
    }

    /// Prints them, and fails unless they are these.
    #[track_caller]
    fn expect(&self, of: &str, expected: &[(&str, usize)]) {
        self.print(of);
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|(what, count)| ((*what).to_owned(), *count))
            .collect();
        assert_eq!(self.0, expected, "{of}");
    }
}
