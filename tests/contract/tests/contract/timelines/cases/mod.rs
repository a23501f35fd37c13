//! What each timeline is about, and the correct outcome of the steps: worked out from the recordings, not from stepwell's behaviour.

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
        // Set where the cases of each release are collected.
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

/// Started after the end of another timeline, whose Stopped belongs to the previous run and must never count.
fn started(name: &'static str, before: &'static str, run: u64) -> Case {
    case(name, EndOf(before), Start, vec![Run(Runs(run))])
}

/// Stopped while Running, either by us or by another client while we watch.
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

/// Restarted by another client while Running: this is not an end, and the job is stably Running only in the new run.
fn restarted(name: &'static str, before: &'static str, run: u64) -> Case {
    let drives = vec![Watch(Runs(run)), Stable(2.0, Runs(run))];
    case(name, EndOf(before), Elsewhere, drives)
}
