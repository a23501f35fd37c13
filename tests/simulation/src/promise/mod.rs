//! The promises of `docs/guarantees.md`, held against what really happened.

mod at_most_one;
mod changes;
mod final_checkpoints;
mod it_ends;
mod it_tells;
mod no_false_failure;
mod no_false_success;
mod no_orphans;

use self::no_orphans::is_indistinguishable;
use crate::{
    diary::{Diary, Pages, Told},
    history::Deed,
    story::Story,
};
use tokio::time::Instant;

/// A broken promise.
#[derive(Debug)]
pub struct Broken {
    pub promise: &'static str,
    /// What is wrong. It begins with its kind and a colon.
    pub what: String,
}

impl Broken {
    pub fn kind(&self) -> &str {
        self.what.split(": ").next().unwrap_or_default()
    }
}

/// The submissions with whose create this one goes on: of the same spec in the same process, and given up.
fn forerunners(story: &Story, pages: &Pages) -> Vec<String> {
    // Of its own pages the caller holds the lock.
    let diaries = story.diaries.iter().filter_map(Diary::try_read);
    let given_up = diaries.filter(|other| {
        let last = other.told.last();
        other.process == pages.process
            && (&other.name, &other.query) == (&pages.name, &pages.query)
            && matches!(last, Some((_, Told::Dropped | Told::Failed(_))))
    });
    given_up.map(|other| other.who.clone()).collect()
}

/// A check: what is wrong, if anything is.
type Check = fn(&Story) -> Option<String>;

const CHECKS: [(&str, Check); 31] = [
    ("at most one: a submission", at_most_one::by_submission),
    ("at most one: a spec", at_most_one::by_spec),
    ("at most one: a process", at_most_one::by_process),
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
    (
        "no orphans: what is running is known",
        no_orphans::running_is_known,
    ),
    ("no orphans: what is unsettled", no_orphans::unsettled),
    ("no false success", no_false_success::running),
    ("no false success: ends", no_false_success::ends),
    ("no false success: discarded", no_false_success::discarded),
    (
        "no false success: final checkpoints",
        final_checkpoints::check,
    ),
    ("no false failure: connect", no_false_failure::connect),
    ("no false failure: validate", no_false_failure::validate),
    ("no false failure: attach", no_false_failure::attach),
    ("no false failure: resolve", no_false_failure::resolve),
    ("no false failure: wait", no_false_failure::wait),
    ("no false failure: stop", no_false_failure::stop),
    ("no false failure: a shutdown", no_false_failure::shutdown),
    ("no false failure: changes", changes::failures),
    ("no false success: deleted", changes::deleted),
    ("at most one: a replacement", changes::replaced),
    ("it ends", it_ends::check),
    ("it tells", it_tells::check),
    ("it tells: what a watch sees", it_tells::watched),
    ("it tells: each pipeline once", no_orphans::once),
];

/// The promises that did not hold: of each, one instance.
pub fn broken(story: &Story) -> Vec<Broken> {
    let found = CHECKS.iter().filter_map(|(promise, check)| {
        let (promise, what) = (*promise, check(story)?);
        Some(Broken { promise, what })
    });
    found.collect()
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
pub(crate) fn process_of(who: &str) -> Option<usize> {
    let number = who.strip_prefix('p')?.split('s').next()?;
    number.parse().ok()
}

/// What stops and shutdowns have said of final checkpoints.
pub(crate) fn final_checkpoints_said(story: &Story) -> Vec<Option<bool>> {
    final_checkpoints::said(story)
}
