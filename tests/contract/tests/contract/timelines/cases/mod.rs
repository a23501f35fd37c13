//! What each timeline is about, and what the steps have to make of it: worked out from the recordings, not from what stepwell does.

mod v015;
mod v016;

use super::table::{
    Asked::{self, Create, Elsewhere, Start, StopWith},
    Before::{self, EndOf, Nothing},
    Case,
    Drive::{self, Run, Stable, Stop, Watch},
    Stopping::Stopped,
    Then::{Ends, Runs},
};
use crate::recording::Release;

pub fn cases() -> Vec<Case> {
    let of =
        |release, cases: Vec<Case>| cases.into_iter().map(move |case| Case { release, ..case });
    of(Release::V015, v015::cases())
        .chain(of(Release::V016, v016::cases()))
        .collect()
}

fn case(name: &'static str, before: Before, asked: Asked, drives: Vec<Drive>) -> Case {
    Case {
        // Set where the cases of each are put together.
        release: Release::V016,
        name,
        before,
        asked,
        is_down: false,
        drives,
        slow: None,
    }
}

fn created(name: &'static str, drives: Vec<Drive>) -> Case {
    case(name, Nothing, Create, drives)
}

/// Told to start after the end of another timeline: its Stopped is of the run before, and never counts.
fn started(name: &'static str, before: &'static str, run: u64) -> Case {
    case(name, EndOf(before), Start, vec![Run(Runs(run))])
}

/// Told to stop while Running: by us, or by somebody else while we watch.
fn stopped(
    name: &'static str,
    before: Before,
    mode: &'static str,
    run: u64,
    final_checkpoint: Option<bool>,
) -> Case {
    let drives = vec![
        Stop(Stopped(run, final_checkpoint)),
        Watch(Ends(None, "Stopped", run)),
    ];
    case(name, before, StopWith(mode), drives)
}

/// Restarted by somebody else while Running: that is no end, and Running for good only in the new run.
fn restarted(name: &'static str, before: &'static str, run: u64) -> Case {
    let drives = vec![Watch(Runs(run)), Stable(2.0, Runs(run))];
    case(name, EndOf(before), Elsewhere, drives)
}
