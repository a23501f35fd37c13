//! The promises of `docs/guarantees.md`, held against what really happened.

mod at_most_one;
mod final_checkpoints;
mod it_ends;
mod it_tells;
mod no_false_failure;
mod no_false_success;
mod no_orphans;

use crate::{history::Deed, story::Story};
use tokio::time::Instant;

/// A broken promise, with what led to it.
#[derive(Debug)]
pub struct Broken {
    pub promise: &'static str,
    pub story: String,
}

/// A check: what is wrong, if anything is.
type Check = fn(&Story) -> Option<String>;

const CHECKS: [(&str, Check); 16] = [
    ("at most one: a submission", at_most_one::by_submission),
    ("at most one: a spec", at_most_one::by_spec),
    (
        "at most one: what is there",
        at_most_one::beside_one_that_was_there,
    ),
    ("at most one: what was asked for", at_most_one::as_asked_for),
    ("at most one: a restart", at_most_one::restarts),
    ("at most one: the next run", at_most_one::next_run),
    ("writes are not cut", at_most_one::cut),
    (
        "no orphans: all is in the report",
        no_orphans::all_are_reported,
    ),
    ("no orphans: the report is true", no_orphans::report_is_true),
    ("no orphans: what others run", no_orphans::others_are_left),
    ("no false success", no_false_success::running),
    ("no false success: ends", no_false_success::ends),
    (
        "no false success: final checkpoints",
        final_checkpoints::check,
    ),
    ("no false failure", no_false_failure::check),
    ("it ends", it_ends::check),
    ("it tells", it_tells::check),
];

/// The first promise that did not hold.
pub fn first_broken(story: &Story) -> Option<(&'static str, String)> {
    CHECKS
        .iter()
        .find_map(|(promise, check)| Some((*promise, check(story)?)))
}

/// When `who` last began or changed the run of a pipeline, until `to`.
fn last_act(story: &Story, who: &str, id: &str, to: Instant) -> Option<Instant> {
    let inner = story.world.lock();
    let acts = inner.acts.iter().rev();
    let mut ours = acts.filter(|act| act.who == who && act.id == id && act.at <= to);
    let act = ours.find(|act| {
        !act.late && matches!(act.deed, Deed::Start | Deed::Restart | Deed::Parallelism)
    });
    act.map(|act| act.at)
}

/// The process that somebody belongs to.
fn process_of(who: &str) -> Option<usize> {
    let number = who.strip_prefix('p')?.split('s').next()?;
    number.parse().ok()
}

/// What stops and shutdowns have said of final checkpoints.
pub(crate) fn final_checkpoints_said(story: &Story) -> Vec<Option<bool>> {
    final_checkpoints::said(story)
}
