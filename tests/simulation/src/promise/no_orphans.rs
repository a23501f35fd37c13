//! What a shutdown says of what was made and started.

use stepwell::{
    Error, OnShutdown,
    error::ResolveError,
    shutdown::{ShutdownEnd, ShutdownEntry},
};
use tokio::time::Instant;

use super::process_of;
use crate::{
    diary::Told,
    history::{Deed, Life},
    story::{Ending, Story},
};

/// Whether the report speaks of it, by its id or, where there is none, by its name.
fn speaks_of<'a>(ending: &'a Ending, life: &Life) -> Vec<&'a ShutdownEntry> {
    let entries = ending.report.entries.iter();
    entries
        .filter(|entry| match &entry.id {
            Some(id) => *id.as_str() == *life.id,
            None => entry.name == life.name,
        })
        .collect()
}

/// Without an id of its own, a create whose reply was lost cannot be told from that of another process in the same moment: whose pipeline
/// shows first is taken for it, and one that shows later is found by the next run.
fn is_hidden_by_a_twin(story: &Story, process: usize, life: &Life) -> bool {
    let mut diaries = story.diaries.iter();
    let maker = diaries.find(|diary| diary.read().who == life.made_by);
    // Since the list was read.
    let since = maker.and_then(|diary| {
        let pages = diary.read();
        let before = |(from, _): &&(Instant, Option<Instant>)| *from <= life.made_at;
        pages
            .resolves
            .iter()
            .rev()
            .find(before)
            .map(|(from, _)| *from)
    });
    let Some(since) = since else { return false };
    let inner = story.world.lock();
    life.id.starts_with("pl_")
        && inner.lives.iter().any(|twin| {
            twin.id != life.id
                && twin.query == life.query
                && twin.name == life.name
                && twin.shown_at >= since
                && process_of(&twin.made_by) != Some(process)
        })
}

/// Since when the process has had it in hand: it made it, or began its run. Not: by a request that came through long after its sender had
/// given it up, for which nobody can answer; a late create can, unless it makes again what had been made and deleted.
fn in_hand_since(story: &Story, process: usize, life: &Life) -> Option<Instant> {
    let inner = story.world.lock();
    let again = inner
        .lives
        .iter()
        .any(|other| other.id == life.id && other.made_at < life.made_at);
    let begun = inner.acts.iter().rev().find(|act| {
        act.id == life.id
            && !(again && act.late)
            && act.at >= life.made_at
            && life.deleted_at.is_none_or(|at| act.at <= at)
            && process_of(&act.who) == Some(process)
            && (act.deed == Deed::Create || !act.late && act.began_a_run())
    });
    begun.map(|act| act.at)
}

/// Whether it was let go: detached or discarded.
fn was_let_go(story: &Story, process: usize, life: &Life) -> bool {
    story.diaries.iter().any(|diary| {
        let pages = diary.read();
        pages.process == process
            && pages.told.iter().any(|(_, told)| {
                matches!(told, Told::Detached { id } | Told::Discarded { id } if *id == life.id)
            })
    })
}

/// Whether a shutdown may leave it: who made it or began its run, and was told so, asked for that.
fn may_be_left(story: &Story, process: usize, life: &Life, by: Instant) -> bool {
    let inner = story.world.lock();
    // What was begun before its last end is over.
    let moments = life.moments.iter().rev();
    let last_end = moments
        .filter(|moment| moment.at <= by)
        .find(|moment| moment.has_ended());
    let since = last_end.map_or(life.made_at, |moment| moment.at);
    let mut doers = inner.acts.iter().filter(|act| {
        act.id == life.id
            && act.at >= since
            && act.at <= by
            && process_of(&act.who) == Some(process)
            && (act.deed == Deed::Create || !act.late && act.began_a_run())
    });
    doers.all(|act| {
        // Of two creates of one process without an id of their own, each may answer for the other.
        let twins = act.deed == Deed::Create && life.id.starts_with("pl_");
        let asked = story.diaries.iter().any(|diary| {
            let pages = diary.read();
            let is_meant = pages.who == act.who
                || twins && pages.process == process && pages.query == life.query;
            is_meant && pages.on_shutdown == OnShutdown::Leave
        });
        // Refused as a duplicate, it may be another's.
        let doubled = act.deed == Deed::Create && inner.doubled.contains(&act.who);
        asked || doubled
    })
}

/// Whether its maker was told by an error that it is there: who only wants to create, and whose create a proxy has sent twice, is refused.
fn was_refused(story: &Story, life: &Life) -> bool {
    story.diaries.iter().any(|diary| {
        let pages = diary.read();
        pages.who == life.made_by
            && pages.told.iter().any(|(_, told)| {
                matches!(told, Told::Failed(Error::Resolve {
                    source: ResolveError::AlreadyExists { existing },
                }) if *existing.id.as_str() == *life.id)
            })
    })
}

/// Whether somebody else, or a request that came through late, started it again after `since`.
fn started_by_another(story: &Story, process: usize, life: &Life, since: Instant) -> bool {
    let inner = story.world.lock();
    inner.acts.iter().any(|act| {
        act.id == life.id
            && act.at >= since
            && matches!(act.deed, Deed::Start | Deed::Restart | Deed::Create)
            && (act.late && act.deed != Deed::Create || process_of(&act.who) != Some(process))
    })
}

/// `Ok` means that it has ended. Everything else is in the report.
pub(super) fn all_are_reported(story: &Story) -> Option<String> {
    let lives = story.world.lock().lives.clone();
    for (process, endings) in story.shutdowns.iter().enumerate() {
        let (Some(first), Some(last)) = (endings.first(), endings.last()) else {
            continue;
        };
        for life in &lives {
            let Some(since) = in_hand_since(story, process, life) else {
                continue;
            };
            if was_let_go(story, process, life)
                || was_refused(story, life)
                || is_hidden_by_a_twin(story, process, life)
            {
                continue;
            }
            let spoken: Vec<_> = endings
                .iter()
                .flat_map(|ending| speaks_of(ending, life))
                .collect();
            let told = spoken.iter().any(|entry| match entry.end {
                ShutdownEnd::Unsettled { .. } => true,
                ShutdownEnd::Left => may_be_left(story, process, life, first.began),
                _ => false,
            });
            let ended = life.had_ended_between(first.began.max(since), last.ended)
                // It ended by itself, or was stopped, and left the registry.
                || life.moments.iter().any(|moment| {
                    moment.at >= since && moment.at <= last.ended && moment.has_ended()
                });
            if !told && !ended {
                return Some(format!(
                    "{} of {} is {:?} and not in the report of p{process}",
                    life.id,
                    life.made_by,
                    life.at(last.ended)
                ));
            }
            // A controller that is slower than two ticks can be told twice to restart, and does so when the first of these runs has failed.
            let restarted_twice = !story.nature.is_prompt()
                && story
                    .world
                    .lock()
                    .acts
                    .iter()
                    .filter(|act| {
                        act.id == life.id && act.deed == Deed::Restart && act.at >= life.made_at
                    })
                    .count()
                    > 1;
            let still = life.is_alive() && !told && !restarted_twice;
            if still && !started_by_another(story, process, life, since) {
                return Some(format!(
                    "{} of {} is alive and not in the report of p{process}",
                    life.id, life.made_by
                ));
            }
        }
    }
    None
}

/// What the report says of a pipeline is so.
pub(super) fn report_is_true(story: &Story) -> Option<String> {
    let lives = story.world.lock().lives.clone();
    for (process, endings) in story.shutdowns.iter().enumerate() {
        for ending in endings {
            if ending.fine != ending.report.unsettled().next().is_none() {
                return Some(format!("p{process} is told {}", ending.report));
            }
            for life in &lives {
                // The same id may have been freed and taken again since.
                if life.made_at > ending.ended {
                    continue;
                }
                let entries = speaks_of(ending, life);
                for entry in &entries {
                    let wrong = match &entry.end {
                        // Not before the shutdown began, if it ran then.
                        ShutdownEnd::Ended { .. } => {
                            let mut same = lives
                                .iter()
                                .filter(|same| same.id == life.id && same.made_at <= ending.ended);
                            !same.any(|same| same.had_ended_between(ending.began, ending.ended))
                        }
                        // Where the id is known, there is no such pipeline of ours.
                        ShutdownEnd::NotCreated => {
                            entry.id.is_some()
                                && entries.len() == 1
                                && process_of(&life.made_by) == Some(process)
                                && !life.had_ended_between(ending.began, ending.ended)
                                && !was_let_go(story, process, life)
                        }
                        ShutdownEnd::Left => {
                            let asked_to_leave = story.diaries.iter().any(|diary| {
                                let pages = diary.read();
                                pages.process == process
                                    && pages.name == entry.name
                                    && pages.on_shutdown != OnShutdown::Stop
                            });
                            !asked_to_leave
                        }
                        _ => false,
                    };
                    if wrong {
                        return Some(format!("p{process} says {entry}, and it is {life:?}"));
                    }
                }
            }
        }
    }
    None
}

/// A shutdown does not stop what others run, unless it was asked to.
pub(super) fn others_are_left(story: &Story) -> Option<String> {
    let lives = story.world.lock().lives.clone();
    for (process, endings) in story.shutdowns.iter().enumerate() {
        let Some(first) = endings.first() else {
            continue;
        };
        for life in &lives {
            let inner = story.world.lock();
            let stopped = inner.acts.iter().any(|act| {
                act.id == life.id
                    && act.deed == Deed::Stop
                    && process_of(&act.who) == Some(process)
                    && act.sent_at >= first.began
            });
            if !stopped {
                continue;
            }
            // It made it or began its run, or may have: a twin cannot be told from a create whose reply was lost.
            let touched = inner.acts.iter().any(|act| {
                act.id == life.id
                    && process_of(&act.who) == Some(process)
                    && matches!(act.deed, Deed::Create | Deed::Start | Deed::Restart)
            }) || inner
                .starts_sent
                .iter()
                .any(|(who, id)| *id == life.id && process_of(who) == Some(process));
            let ours = |who: &str| {
                let mut diaries = story.diaries.iter();
                diaries.any(|diary| {
                    let pages = diary.read();
                    pages.who == who && pages.process == process && pages.query == life.query
                })
            };
            let maybe_made = inner.creates_sent.iter().any(|(who, _)| ours(who));
            drop(inner);
            let asked_to = story.diaries.iter().any(|diary| {
                let pages = diary.read();
                let stops = pages.told.iter().any(|(_, told)| {
                    matches!(
                        told,
                        Told::Stopped { .. } | Told::Failed(stepwell::Error::Stop { .. })
                    )
                });
                pages.process == process
                    && pages.query == life.query
                    && (pages.on_shutdown == OnShutdown::Stop || stops)
            });
            if !touched && !maybe_made && !asked_to {
                return Some(format!(
                    "p{process} stopped {}, which {} runs",
                    life.id, life.made_by
                ));
            }
        }
    }
    None
}
