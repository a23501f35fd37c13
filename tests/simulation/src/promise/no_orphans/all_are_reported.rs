//! `Ok` means that it has ended. Everything else is in the report.

use stepwell::{
    Error, OnShutdown,
    error::ResolveError,
    shutdown::{ShutdownEnd, ShutdownEntry},
};
use tokio::time::Instant;

use super::{has_begun, may_be_its_post, speaks_of};
use crate::{
    diary::Told,
    history::{Act, Deed, Life},
    promise::{forerunners, process_of},
    story::Story,
};

pub(in crate::promise) fn check(story: &Story) -> Option<String> {
    let lives = story.world.lock().lives.clone();
    for (process, endings) in story.shutdowns.iter().enumerate() {
        let (Some(first), Some(last)) = (endings.first(), endings.last()) else {
            continue;
        };
        for life in &lives {
            let Some(act) = in_hand_by(story, process, life) else {
                continue;
            };
            if was_detached(story, &act)
                || began_another(story, life, &act)
                || was_refused(story, life)
                || is_hidden_by_a_twin(story, process, life)
            {
                continue;
            }
            let mut spoken = endings.iter().flat_map(|ending| speaks_of(ending, life));
            let told = spoken.any(|entry| match entry.end {
                ShutdownEnd::Unsettled { .. } => true,
                ShutdownEnd::Left => may_be_left(story, process, life, first.shutdown_began),
                _ => false,
            });
            let ended = life.had_ended_between(first.shutdown_began.max(act.at), last.ended)
                // It ended by itself, or was stopped, and left the registry.
                || life.had_ended_between(act.at, last.ended);
            let at = life.at(last.ended);
            let (id, maker) = (&life.id, &life.made_by);
            if !told && !ended {
                let deed = act.deed;
                return Some(format!(
                    "missing after a {deed:?}: {id} of {maker} is {at:?} and not in the report of p{process}, which began it by {act:?}"
                ));
            }
            let still = life.is_alive() && !told && !restarted_twice(story, life);
            if still && !started_by_another(story, process, life, act.at) {
                return Some(format!(
                    "alive: {id} of {maker} is alive and not in the report of p{process}, which began it by {act:?}"
                ));
            }
        }
    }
    detached_late(story).or_else(|| forgotten(story))
}

/// By which request the process has it in hand: it made it, or began its run. Not by a create that came through late and made again what
/// had been made and deleted.
fn in_hand_by(story: &Story, process: usize, life: &Life) -> Option<Act> {
    let inner = story.world.lock();
    let again = inner
        .lives
        .iter()
        .any(|other| other.id == life.id && other.made_at < life.made_at);
    let mut acts = inner.acts.iter().rev();
    let begun = acts.find(|act| {
        life.is_of(act)
            && !(again && act.late)
            && process_of(&act.who) == Some(process)
            && has_begun(act)
    });
    begun.cloned()
}

/// Whether it was made anew between the last look and the request that began its run: no server makes that request conditional.
fn began_another(story: &Story, life: &Life, act: &Act) -> bool {
    let inner = story.world.lock();
    let mut looks = inner.exchanges.iter().rev().filter(|asked| {
        asked.who == act.who
            && asked.id == act.id
            && asked.sent_at < act.sent_at
            && asked.job_by(act.sent_at).is_some()
    });
    let looked = looks.next();
    act.began_a_run() && looked.is_some_and(|look| look.sent_at < life.made_at)
}

/// Whether the submission that began it has let it go since, or one that went on with its create.
fn was_detached(story: &Story, act: &Act) -> bool {
    story.diaries.iter().any(|diary| {
        let pages = diary.read();
        (pages.who == act.who || forerunners(story, &pages).contains(&act.who))
            && pages.told.iter().any(|(at, told)| {
                *at >= act.at && matches!(told, Told::Detached { id } if *id == act.id)
            })
    })
}

/// Without an id of its own, a create whose reply was lost cannot be told from that of another process in the same moment: whose pipeline
/// shows first is taken for it, and one that shows later is found by the next run.
fn is_hidden_by_a_twin(story: &Story, process: usize, life: &Life) -> bool {
    let mut diaries = story.diaries.iter();
    let Some(maker) = diaries.find(|diary| diary.read().who == life.made_by) else {
        return false;
    };
    let who = maker.read().who.clone();
    let mut told_to_followers: Vec<String> = Vec::new();
    for diary in &story.diaries {
        let pages = diary.read();
        if forerunners(story, &pages).contains(&who) {
            let ids = pages.told.iter().filter_map(|(_, told)| told.id());
            told_to_followers.extend(ids.map(str::to_owned));
        }
    }
    let pages = maker.read();
    if !may_be_its_post(story, &pages, life) {
        return false;
    }
    let taken = |id: &str| {
        let endings = story.shutdowns[process].iter();
        let mut entries = endings.flat_map(|ending| &ending.report.entries);
        let is_named =
            |entry: &ShutdownEntry| entry.id.as_ref().is_some_and(|it| it.as_str() == id);
        entries.any(is_named)
            || pages.told.iter().any(|(_, told)| told.id() == Some(id))
            || told_to_followers.iter().any(|told| told == id)
    };
    let twins = story.world.lock().lives.clone();
    twins.iter().any(|twin| {
        twin.id != life.id
            && may_be_its_post(story, &pages, twin)
            && process_of(&twin.made_by) != Some(process)
            && taken(&twin.id)
    })
}

/// Whether a shutdown may leave it: the submissions that made it or began its run, and were told so, asked for that.
fn may_be_left(story: &Story, process: usize, life: &Life, by: Instant) -> bool {
    let inner = story.world.lock();
    // What was begun before its last end is over.
    let moments = life.moments.iter().rev();
    let last_end = moments
        .filter(|moment| moment.at <= by)
        .find(|moment| moment.has_ended());
    let since = last_end.map_or(life.made_at, |moment| moment.at);
    let mut doers = inner.acts.iter().filter(|act| {
        life.is_of(act)
            && act.at >= since
            && act.at <= by
            && process_of(&act.who) == Some(process)
            && has_begun(act)
    });
    doers.all(|act| {
        // Of two creates of one process without an id of their own, each may answer for the other.
        let twins = act.deed == Deed::Create && life.id.starts_with("pl_");
        let asked = story.diaries.iter().any(|diary| {
            let pages = diary.read();
            let is_meant = pages.who == act.who
                || forerunners(story, &pages).contains(&act.who)
                || twins && pages.process == process && pages.query == life.query;
            let is_detached = pages.told.iter().any(|(at, told)| {
                *at >= act.sent_at && matches!(told, Told::Detached { id } if *id == life.id)
            });
            is_meant && (pages.on_shutdown == OnShutdown::Leave || is_detached)
        });
        // Refused as a duplicate, it may be another's.
        let doubled = act.deed == Deed::Create && inner.doubled.contains(&act.who);
        asked || doubled
    })
}

/// Whether its maker was told by an error that it is there: one that only wants to create, and whose create a proxy has sent twice, is
/// refused.
fn was_refused(story: &Story, life: &Life) -> bool {
    story.diaries.iter().any(|diary| {
        let pages = diary.read();
        pages.who == life.made_by
            && pages.told.iter().any(|(at, told)| {
                life.is_there_at(*at)
                    && matches!(told, Told::Failed(Error::Resolve {
                        source: ResolveError::AlreadyExists { existing },
                    }) if *existing.id.as_str() == *life.id)
            })
    })
}

/// A controller that is slower than two ticks can be told twice to restart, and does so when the first of these runs has failed.
fn restarted_twice(story: &Story, life: &Life) -> bool {
    let inner = story.world.lock();
    let restarts = inner.acts.iter();
    let restarts = restarts.filter(|act| act.deed == Deed::Restart && life.is_of(act));
    !story.nature.is_prompt() && restarts.count() > 1
}

/// Whether another client, or a request that came through late, started it again after `since`.
fn started_by_another(story: &Story, process: usize, life: &Life, since: Instant) -> bool {
    let inner = story.world.lock();
    inner.acts.iter().any(|act| {
        life.is_of(act)
            && act.at >= since
            && matches!(act.deed, Deed::Start | Deed::Restart | Deed::Create)
            && (act.late && act.deed != Deed::Create || process_of(&act.who) != Some(process))
    })
}

/// What is detached while a shutdown is under way is listed as left.
fn detached_late(story: &Story) -> Option<String> {
    for (process, endings) in story.shutdowns.iter().enumerate() {
        let Some(first) = endings.first() else {
            continue;
        };
        for diary in story
            .diaries
            .iter()
            .filter(|diary| diary.read().process == process)
        {
            let pages = diary.read();
            for (at, told) in &pages.told {
                let Told::Detached { id } = told else {
                    continue;
                };
                let named = endings.iter().flat_map(|ending| &ending.report.entries);
                let mut named = named.filter_map(|entry| entry.id.as_ref());
                let is_late = *at > first.shutdown_began && *at < first.ended;
                if is_late && !named.any(|named| named.as_str() == id) {
                    let who = &pages.who;
                    return Some(format!(
                        "detached late: {id} of {who} is not in the report of p{process}"
                    ));
                }
            }
        }
    }
    None
}

/// What one call could not settle, the next one goes on with.
fn forgotten(story: &Story) -> Option<String> {
    for (process, endings) in story.shutdowns.iter().enumerate() {
        for (ending, next) in endings.iter().zip(endings.iter().skip(1)) {
            for entry in ending.report.unsettled() {
                let mut named = next.report.entries.iter();
                if named.any(|named| named.name == entry.name) {
                    continue;
                }
                let inner = story.world.lock();
                let life = entry
                    .id
                    .as_ref()
                    .and_then(|id| inner.life_at(id.as_str(), next.ended));
                let is_gone = entry.id.as_ref().is_some_and(|id| {
                    let mut lives = inner.lives.iter().filter(|life| life.id == id.as_str());
                    let deleted = |at| at >= ending.began && at <= next.ended;
                    lives.any(|life| life.deleted_at.is_some_and(deleted))
                });
                if !is_gone
                    && life.is_none_or(|life| !life.had_ended_between(ending.began, next.ended))
                {
                    return Some(format!(
                        "forgotten: p{process} said {entry}, and then no more"
                    ));
                }
            }
        }
    }
    None
}
