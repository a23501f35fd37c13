//! At most one, and nothing beside what is there already.

use std::{collections::BTreeMap, time::Duration};

use stepwell::{Error, error::ResolveError, spec::Intent};
use tokio::time::Instant;

use super::{forerunners, process_of};
use crate::{
    exchange::Answer,
    history::{Deed, Life},
    purpose::Purpose,
    story::Story,
    submitter::query,
    world::Inner,
};

pub(super) fn cut(story: &Story) -> Option<String> {
    story
        .world
        .lock()
        .cut
        .first()
        .map(|cut| format!("cut: {cut}"))
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
        .map(|(who, ids)| format!("several: {who} has made {ids:?}"))
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
                return Some(format!("both there: {} and {}", one.id, other.id));
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

/// A process that has a create in doubt settles it before it makes another one of the same.
pub(super) fn by_process(story: &Story) -> Option<String> {
    let inner = story.world.lock();
    let creates: Vec<_> = inner
        .acts
        .iter()
        .filter(|act| act.deed == Deed::Create && process_of(&act.who).is_some())
        .filter_map(|act| Some((act, inner.life_at(&act.id, act.at)?)))
        .collect();
    for (act, made) in &creates {
        let process = process_of(&act.who);
        let mut diaries = story.diaries.iter();
        let began = diaries.find_map(|diary| {
            let pages = diary.read();
            (pages.who == act.who).then(|| pages.began())?
        });
        let Some(began) = began else { continue };
        let earlier = creates.iter().find(|(earlier, life)| {
            // What is cheap to ask comes first: there may be many.
            let is_candidate = earlier.who != act.who
                && process_of(&earlier.who) == process
                && life.id != made.id
                && (&life.query, &life.name) == (&made.query, &made.name)
                && earlier.sent_at < began
                && !life.was_finished_at(act.sent_at);
            if !is_candidate {
                return false;
            }
            let in_doubt = inner.exchanges.iter().any(|asked| {
                asked.who == earlier.who
                    && asked.purpose.creates()
                    && asked.sent_at < began
                    && asked.in_doubt_at(act.sent_at)
            });
            // Found by then, it is one of those that are there.
            let is_settled = inner.exchanges.iter().any(|asked| {
                process_of(&asked.who) == process
                    && asked.id == life.id
                    && !matches!(asked.purpose, Purpose::Look | Purpose::CreateByPut)
                    && asked.sent_at < act.sent_at
            });
            // Or taken for a twin that shows first.
            let is_settled = is_settled
                || story.diaries.iter().any(|diary| {
                    let pages = diary.read();
                    let mut told = pages.told.iter();
                    pages.who == earlier.who
                        && told.any(|(at, told)| *at < act.sent_at && told.id().is_some())
                })
                || inner.exchanges.iter().any(|asked| {
                    let twin = inner.life_at(&asked.id, act.sent_at);
                    asked.who == earlier.who
                        && asked.sent_at < act.sent_at
                        && matches!(asked.purpose, Purpose::Jobs | Purpose::Start)
                        && twin.is_some_and(|twin| {
                            twin.query == made.query && process_of(&twin.made_by) != process
                        })
                });
            in_doubt && !is_settled
        });
        if let Some((earlier, life)) = earlier {
            let (who, id, other) = (&act.who, &made.id, &earlier.who);
            return Some(format!(
                "beside one in doubt: {who} made {id}, and {other} was just making {}",
                life.id
            ));
        }
    }
    None
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
                    "beside: {} made {:?} beside {}",
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
            (Intent::ResumeOnly | Intent::Resume(_), Deed::Create) => true,
            // What it attaches to is not what its spec asks for.
            (Intent::Resume(id), _) => act.id != id.as_str() && !pages.resolves.is_empty(),
            // What it has itself made, or may have, it may start.
            (Intent::CreateOnly, Deed::Start | Deed::Restart) => {
                let before = forerunners(story, &pages);
                let mut sent = inner.creates_sent.iter();
                // `start` and the roll-back of a replacement ask for it.
                let is_started = pages.is_in(&["start"], act.sent_at)
                    || pages
                        .replaced
                        .iter()
                        .any(|replaced| replaced.from <= act.sent_at);
                !is_started && !sent.any(|(who, _)| *who == pages.who || before.contains(who))
            }
            _ => false,
        });
        if let Some(act) = wrong {
            return Some(format!(
                "not asked for: {} with {:?}: {act:?}",
                pages.who, pages.intent
            ));
        }
    }
    None
}

/// A restart counts up: it is sent for a run that was seen Failed, and repeated only while that run is.
pub(super) fn restarts(story: &Story) -> Option<String> {
    let inner = story.world.lock();
    if let Some(wrong) = repeated_in_a_later_run(&inner) {
        return Some(wrong);
    }
    let restarts = inner
        .acts
        .iter()
        .filter(|act| act.deed == Deed::Restart && process_of(&act.who).is_some() && !act.late);
    for act in restarts {
        let (who, id) = (&act.who, &act.id);
        let seen = inner.seen_before(who, id, Purpose::Restart, act.sent_at);
        let Some(seen) = seen.filter(|seen| seen.state == "Failed") else {
            return Some(format!("not seen failed: {act:?}"));
        };
        let Some(before) = &act.before else { continue };
        // Another client may have begun one since it was seen; where none has, it is our own that is restarted.
        let mut acts = inner.acts.iter();
        let others = acts.any(|other| {
            other.id == act.id
                && other.at <= act.at
                && (other.who != act.who || other.late)
                && other.deed != Deed::Create
        });
        let own: Vec<_> = inner
            .acts
            .iter()
            .filter(|other| other.who == act.who && other.id == act.id)
            .filter(|other| other.deed == Deed::Restart)
            .collect();
        let doubled = own.iter().any(|other| other.at < act.at);
        // A proxy held an earlier one back for longer than two ticks.
        let held_back = own
            .iter()
            .any(|other| other.sent_at < act.sent_at && other.at >= act.sent_at);
        // A controller that was down has had no tick.
        let was_down = inner.exchanges.iter().any(|asked| {
            asked.who == act.who
                && asked.sent_at < act.sent_at
                && act.sent_at - asked.sent_at < Duration::from_secs(3)
                && asked.answer_by(act.sent_at) == Some(&Answer::NotSent)
        });
        let held_back = held_back || doubled && was_down;
        // A controller that is slower than two ticks still shows the failed run.
        let is_excused = others || held_back || doubled && !story.nature.is_prompt();
        if before.run_id > seen.run_id && !is_excused {
            return Some(format!("a later run: {act:?}, and it had seen {seen:?}"));
        }
        if before.state != "Failed" && !is_excused {
            return Some(format!("had not failed: {act:?}, and it had seen {seen:?}"));
        }
    }
    None
}

/// A restart in doubt is repeated only while the run is Failed for which the first one was sent.
fn repeated_in_a_later_run(inner: &Inner) -> Option<String> {
    let mut first: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut seen: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for asked in &inner.exchanges {
        let key = (asked.who.as_str(), asked.id.as_str());
        match (asked.purpose, &asked.ended) {
            // Another call decides anew.
            (Purpose::List | Purpose::Look, _) => first.retain(|(who, _), _| *who != asked.who),
            (Purpose::Jobs, Some((_, Answer::Job(job)))) => {
                seen.insert(key, job.run_id);
            }
            (Purpose::Restart, _) => {
                let run = seen.get(&key).copied().unwrap_or_default();
                if *first.entry(key).or_insert(run) < run {
                    return Some(format!("repeated in a later run: {asked:?}"));
                }
            }
            _ => {}
        }
    }
    None
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
            "the next run: there are {ids:?}, and it said {:?}",
            rerun.outcome
        )
    })
}
