//! What the report says of a pipeline is so.

use std::collections::BTreeSet;

use stepwell::{
    OnShutdown,
    shutdown::{ShutdownEnd, ShutdownEntry},
};

use super::{began_by, speaks_of};
use crate::{
    diary::Told,
    history::Life,
    promise::process_of,
    story::{Ending, Story},
};

pub(in crate::promise) fn check(story: &Story) -> Option<String> {
    for (process, endings) in story.shutdowns.iter().enumerate() {
        for ending in endings {
            if ending.fine != ending.report.unsettled().next().is_none() {
                return Some(format!("Ok or not: p{process} is told {}", ending.report));
            }
            for entry in &ending.report.entries {
                let wrong = match &entry.end {
                    ShutdownEnd::Ended { state, .. } => {
                        has_not_ended(story, ending, entry, &state.to_string())
                    }
                    ShutdownEnd::Deleted => was_not_deleted(story, process, ending, entry),
                    ShutdownEnd::NotCreated => was_created(story, process, ending, entry),
                    ShutdownEnd::Left => is_not_to_be_left(story, process, ending, entry),
                    _ => None,
                };
                if let Some(wrong) = wrong {
                    return Some(format!("{wrong}: p{process} says {entry}"));
                }
            }
        }
    }
    None
}

/// One pipeline is reported once.
pub(in crate::promise) fn once(story: &Story) -> Option<String> {
    for (process, endings) in story.shutdowns.iter().enumerate() {
        for ending in endings {
            let entries = &ending.report.entries;
            let twice = entries.iter().enumerate().find(|(index, entry)| {
                let mut before = entries[..*index].iter();
                entry.id.is_some() && before.any(|other| other.id == entry.id)
            });
            if let Some((_, entry)) = twice {
                return Some(format!("listed twice: {entry}, by p{process}"));
            }
        }
    }
    None
}

/// The pipelines that had its id in the time of the shutdown.
fn lives_of(story: &Story, ending: &Ending, entry: &ShutdownEntry) -> Vec<Life> {
    let Some(id) = &entry.id else {
        return Vec::new();
    };
    let inner = story.world.lock();
    let lives = inner.lives.iter().filter(|life| {
        life.id == id.as_str()
            && life.made_at <= ending.ended
            && life.deleted_at.is_none_or(|at| at >= ending.began)
    });
    lives.cloned().collect()
}

/// It was not in that state after the shutdown began; not before, if it ran then.
fn has_not_ended(
    story: &Story,
    ending: &Ending,
    entry: &ShutdownEntry,
    state: &str,
) -> Option<&'static str> {
    let lives = lives_of(story, ending, entry);
    let mut lives = lives.iter();
    let was = lives.any(|life| life.had_ended_as(state, ending.began, ending.ended));
    (!was).then_some("not ended so")
}

/// It is there, and the server has not denied that for long.
fn was_not_deleted(
    story: &Story,
    process: usize,
    ending: &Ending,
    entry: &ShutdownEntry,
) -> Option<&'static str> {
    let id = entry.id.as_ref().map_or("", |id| id.as_str());
    let inner = story.world.lock();
    let mut lives = inner.lives.iter().filter(|life| life.id == id);
    if lives.any(|life| life.deleted_at.is_some_and(|at| at <= ending.ended)) {
        return None;
    }
    let (began, ended) = (ending.began, ending.ended);
    let whos: BTreeSet<_> = inner.exchanges.iter().map(|asked| &asked.who).collect();
    let mut whos = whos
        .into_iter()
        .filter(|who| process_of(who) == Some(process));
    let is_denied = whos.any(|who| inner.was_denied(who, id, began, ended));
    (!is_denied).then_some("not deleted")
}

/// Where the id is known, there is no such pipeline of ours.
fn was_created(
    story: &Story,
    process: usize,
    ending: &Ending,
    entry: &ShutdownEntry,
) -> Option<&'static str> {
    let lives = lives_of(story, ending, entry);
    let made = lives.iter().find(|life| {
        let mut others = speaks_of(ending, life).into_iter();
        process_of(&life.made_by) == Some(process)
            && !others.any(|other| !matches!(other.end, ShutdownEnd::NotCreated))
            && !life.had_ended_between(ending.began, ending.ended)
    });
    made.map(|_| "created")
}

/// Each submission has an entry of its own: one of them has to have asked for that.
fn is_not_to_be_left(
    story: &Story,
    process: usize,
    ending: &Ending,
    entry: &ShutdownEntry,
) -> Option<&'static str> {
    let lives = lives_of(story, ending, entry);
    let is_asked = story.diaries.iter().any(|diary| {
        let pages = diary.read();
        let (who, policy) = (pages.who.clone(), pages.on_shutdown);
        let is_of = pages.process == process && pages.name == entry.name;
        // After the shutdown has begun, too.
        let is_detached = pages.told.iter().any(|(at, told)| match told {
            Told::Detached { id } => {
                *at <= ending.ended && entry.id.as_ref().is_some_and(|left| left.as_str() == id)
            }
            _ => false,
        });
        drop(pages);
        if is_of && is_detached {
            return true;
        }
        is_of
            && match policy {
                OnShutdown::Leave => true,
                OnShutdown::StopIfStartedHere => {
                    story.world.lock().doubled.contains(&who)
                        || !lives.iter().any(|life| began_by(story, &who, life))
                }
                _ => false,
            }
    });
    (!is_asked).then_some("left though begun here")
}
