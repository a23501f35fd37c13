//! At most one, and nothing beside what is there already.

use std::{collections::BTreeMap, time::Duration};

use stepwell::{Error, error::ResolveError, spec::Intent};
use tokio::time::Instant;

use super::process_of;
use crate::{
    history::{Act, Deed, Life},
    story::Story,
    submitter::query,
};

pub(super) fn cut(story: &Story) -> Option<String> {
    story.world.lock().cut.first().cloned()
}

/// One submission makes one pipeline at most.
pub(super) fn by_submission(story: &Story) -> Option<String> {
    let mut made: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for life in &story.world.lock().lives {
        let ids = made.entry(life.made_by.clone()).or_default();
        // A `PUT` that comes through late, after somebody has deleted what an earlier one made, makes the same one again.
        if process_of(&life.made_by).is_some() && !ids.contains(&life.id) {
            ids.push(life.id.clone());
        }
    }
    made.into_iter()
        .find(|(_, ids)| ids.len() > 1)
        .map(|(who, ids)| format!("{who} has made {ids:?}"))
}

/// Submissions of one spec make one between them, where the server takes the ids that follow from it.
pub(super) fn by_spec(story: &Story) -> Option<String> {
    if !story.nature.takes_ids() || story.nature.mixed {
        return None;
    }
    let chosen = |who: &str| {
        let mut diaries = story.diaries.iter();
        diaries.any(|diary| diary.read().who == who)
    };
    let inner = story.world.lock();
    let ours: Vec<&Life> = inner
        .lives
        .iter()
        .filter(|life| chosen(&life.made_by) && !life.id.starts_with("pl_"))
        .collect();
    // Who looks for other ids only does not see it.
    let looked = |other: &Life, one: &Life| {
        let mut diaries = story.diaries.iter().map(|diary| diary.read());
        diaries.any(|pages| pages.who == other.made_by && pages.looks_at(true, &one.id))
    };
    for (index, one) in ours.iter().enumerate() {
        for other in &ours[index + 1..] {
            if one.query == other.query && stood(one, other.made_at) && looked(other, one) {
                return Some(format!("{} and {} are both there", one.id, other.id));
            }
        }
    }
    None
}

/// Whether it was there, to be seen and not over, at that time.
fn stood(life: &Life, time: Instant) -> bool {
    life.shown_at <= time
        && life.deleted_at.is_none_or(|at| at > time)
        && !life.was_finished_at(time)
}

/// Nothing is created beside a pipeline that stood there for the whole time of the look.
pub(super) fn beside_one_that_was_there(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        let inner = story.world.lock();
        for act in &inner.acts {
            if act.deed != Deed::Create || act.who != pages.who {
                continue;
            }
            let mut resolves = pages.resolves.iter().rev();
            let Some((from, _)) = resolves.find(|(from, _)| *from <= act.sent_at) else {
                continue;
            };
            let there = inner.lives.iter().find(|life| {
                life.query == pages.query
                    && life.id != act.id
                    && pages.looks_at(story.nature.takes_ids(), &life.id)
                    && stood(life, *from)
                    && stood(life, act.sent_at)
            });
            if let Some(there) = there {
                return Some(format!(
                    "{} made {:?} beside {}",
                    pages.who, act.id, there.id
                ));
            }
        }
    }
    None
}

/// Who only wants to resume, or only to create, does only that.
pub(super) fn as_asked_for(story: &Story) -> Option<String> {
    let inner = story.world.lock();
    for diary in &story.diaries {
        let pages = diary.read();
        let mut acts = inner.acts.iter().filter(|act| act.who == pages.who);
        let wrong = acts.find(|act| match (&pages.intent, act.deed) {
            (Intent::ResumeOnly, Deed::Create) => true,
            // What it has itself made, or may have, it may start.
            (Intent::CreateOnly, Deed::Start | Deed::Restart) => {
                !inner.creates_sent.iter().any(|(who, _)| *who == pages.who)
            }
            _ => false,
        });
        if let Some(act) = wrong {
            return Some(format!("{} with {:?}: {act:?}", pages.who, pages.intent));
        }
    }
    None
}

/// A restart counts up: it is sent to a job that has failed, and to nothing else.
pub(super) fn restarts(story: &Story) -> Option<String> {
    let inner = story.world.lock();
    // Where others have acted on it, the job may have been started again since it was looked at; or a restart of theirs may have waited
    // for the stop to be taken back.
    let alone = |act: &Act| {
        let mut acts = inner.acts.iter();
        !acts.any(|other| {
            other.id == act.id
                && other.who != act.who
                && other.deed != Deed::Create
                && other.at <= act.at
        })
    };
    let mut twice = inner.acts.iter().filter(|act| {
        act.deed == Deed::Restart && process_of(&act.who).is_some() && !act.late && alone(act)
    });
    let wrong = twice.find(|act| {
        // It was sent when the job had left Failed for longer than the look before takes to arrive.
        let look = act.sent_at.checked_sub(Duration::from_millis(100));
        let before = inner
            .life(&act.id)
            .zip(look)
            .and_then(|(life, look)| life.at(look));
        before.is_some_and(|moment| moment.state != "Failed")
            && act
                .before
                .as_ref()
                .is_some_and(|moment| moment.state != "Failed")
    });
    wrong.map(|act| format!("restarted what had not failed: {act:?}"))
}

/// The next run finds what the ones before have left: it resumes the one, or says that there are several.
pub(super) fn next_run(story: &Story) -> Option<String> {
    let rerun = story.rerun.as_ref()?;
    let inner = story.world.lock();
    let there: Vec<&Life> = inner
        .lives
        .iter()
        .filter(|life| life.query == query(0) && life.made_by != "rerun")
        .filter(|life| life.deleted_at.is_none() && !life.was_finished_at(rerun.from))
        .collect();
    let finished = inner
        .lives
        .iter()
        .any(|life| life.query == query(0) && life.was_finished_at(rerun.from));
    let told = match (&rerun.outcome, there.as_slice()) {
        (Ok(id), [one]) => one.id == *id,
        (Ok(id), []) => inner.life(id).is_some_and(|life| life.made_by == "rerun"),
        // A page that is cut shorter than the pipelines of one moment proves nothing, and the reading says so.
        (
            Err(Error::Resolve {
                source: ResolveError::Rejected { .. },
            }),
            _,
        ) => story.nature.page.is_some(),
        (Err(error), [_, _, ..]) => matches!(
            error,
            Error::Resolve {
                source: ResolveError::Ambiguous { .. }
            }
        ),
        (Err(Error::Resolve { source }), []) => match source {
            ResolveError::Finished { .. } => finished,
            // The row of a create that was cut midway.
            ResolveError::Burnt { id, .. } => inner.rows.contains(id.as_str()),
            _ => false,
        },
        // It was finishing when it was looked at.
        (Err(Error::Resolve { source }), [one]) => {
            matches!(source, ResolveError::Finished { .. })
                && one.entered("Finished", rerun.from, Instant::now())
        }
        _ => false,
    };
    let ids: Vec<_> = there.iter().map(|life| &life.id).collect();
    (!told).then(|| {
        format!(
            "there are {ids:?}, and the next run said {:?}",
            rerun.outcome
        )
    })
}
