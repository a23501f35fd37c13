//! The client and the workflow against real Arroyos: their recorded exchanges and timelines, their OpenAPI documents, and the types of
//! older releases. The recordings themselves are checked only here.
//!
//! `cargo test -p contract -- --nocapture` prints the counts.

#![allow(clippy::unwrap_used, reason = "tests may panic")]
#![allow(unreachable_pub, reason = "each test is its own crate")]

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

use recording::Release;

/// How often each case occurred.
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

    /// Prints the counts, and fails unless they are as expected.
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

/// How often each case occurred in the recordings of each release, in the order of [`Release::ALL`].
#[derive(Default)]
struct CountsByRelease(BTreeMap<String, [usize; 2]>);

impl CountsByRelease {
    fn count(&mut self, release: Release, what: impl Display) {
        self.0.entry(what.to_string()).or_default()[release as usize] += 1;
    }

    /// Prints the counts, and fails unless they are as expected.
    #[track_caller]
    fn expect(&self, of: &str, expected: &[(&str, [usize; 2])]) {
        let [old, new] = Release::ALL;
        println!("{of}, of {old} and {new}:");
        for (what, [old, new]) in &self.0 {
            println!("{old:6} {new:6}  {what}");
        }
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|(what, counts)| ((*what).to_owned(), *counts))
            .collect();
        assert_eq!(self.0, expected, "{of}");
    }

    fn sums(&self) -> [usize; 2] {
        let add = |[a, b]: [usize; 2], [c, d]: &[usize; 2]| [a + c, b + d];
        self.0.values().fold([0, 0], add)
    }
}
