//! What a shutdown says of what was made and started.

mod all_are_reported;
mod others_are_left;
mod report_is_true;
mod running_is_known;
mod unsettled;

use stepwell::shutdown::ShutdownEntry;

pub(super) use self::{
    all_are_reported::check as all_are_reported,
    others_are_left::{check as others_are_left, is_indistinguishable},
    report_is_true::{check as report_is_true, once},
    running_is_known::check as running_is_known,
    unsettled::check as unsettled,
};
use crate::{
    diary::Pages,
    history::{Act, Deed, Life},
    story::{Ending, Story},
};

/// What the report says of it, by its id or, where there is none, by its name.
fn speaks_of<'a>(ending: &'a Ending, life: &Life) -> Vec<&'a ShutdownEntry> {
    let entries = ending.report.entries.iter();
    entries
        .filter(|entry| match &entry.id {
            Some(id) => *id.as_str() == *life.id,
            None => entry.name == life.name,
        })
        .collect()
}

/// Whether a request made the pipeline or began its run. Nobody can answer for a start that came through long after its sender had given
/// it up.
fn has_begun(act: &Act) -> bool {
    act.deed == Deed::Create || !act.late && !act.puts_back && act.began_a_run()
}

/// Whether this submission made it or began its run.
fn began_by(story: &Story, who: &str, life: &Life) -> bool {
    let inner = story.world.lock();
    let mut acts = inner.acts.iter();
    acts.any(|act| act.who == who && life.is_of(act) && has_begun(act))
}

/// Whether a pipeline may be what came of a `POST` of this submission whose reply was lost: only a server that has no `PUT`, or is not
/// asked for it, chooses such an id.
fn may_be_its_post(story: &Story, pages: &Pages, life: &Life) -> bool {
    let Some(began) = pages.began() else {
        return false;
    };
    let inner = story.world.lock();
    let mut asked = inner.exchanges.iter();
    life.id.starts_with("pl_")
        && life.query == pages.query
        && life.name == pages.name
        && life.shown_at >= began
        && asked.any(|asked| {
            asked.who == pages.who
                && asked.purpose == crate::purpose::Purpose::CreateByPost
                && asked.is_in_doubt()
        })
}
