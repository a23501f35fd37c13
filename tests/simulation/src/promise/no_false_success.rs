//! Running is said only of the run that counts.

use std::time::Duration;

use super::{is_indistinguishable, last_act};
use crate::{
    diary::Told,
    history::{Deed, Life},
    story::Story,
    submitter::REQUEST,
};
use tokio::time::Instant;

/// So old may be what the last reply showed.
const TRANSIT: Duration = REQUEST.saturating_add(Duration::from_millis(100));

pub(super) fn running(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let Told::Running { id, run_id } = told else {
                continue;
            };
            let life = story.world.lock().life_at(id, *at).cloned();
            let wrong = match life {
                None => Some("no such pipeline".to_owned()),
                Some(_) if story.nature.no_tasks => Some("no tasks".to_owned()),
                Some(life) if life.query != pages.query => {
                    let may_be = is_indistinguishable(story, &pages, &life, *at);
                    (!may_be).then(|| "another pipeline".to_owned())
                }
                Some(life) => stable(&life, *run_id, *at, pages.stable_for)
                    .or_else(|| old_run(story, &pages.who, &life, *run_id, *at)),
            };
            if let Some(wrong) = wrong {
                return Some(format!(
                    "{wrong}: {} was told that {id} is Running in run {run_id}",
                    pages.who
                ));
            }
        }
    }
    None
}

/// It was Running in that run until shortly before, for as long as was asked for.
fn stable(life: &Life, run_id: u64, at: Instant, stable_for: Duration) -> Option<String> {
    let Some((from, to)) = life.running(run_id, at) else {
        return Some("it never was".to_owned());
    };
    if at - to > TRANSIT {
        return Some(format!("no more: it was {:?} before", at - to));
    }
    (to - from < stable_for)
        .then(|| format!("not stable: for {:?} and not for {stable_for:?}", to - from))
}

/// Not the run before the request that was to change it.
fn old_run(story: &Story, who: &str, life: &Life, run_id: u64, at: Instant) -> Option<String> {
    // What was deleted and made again under its id has another job.
    let act_at = last_act(story, who, &life.id, at).filter(|act_at| *act_at >= life.made_at)?;
    let inner = story.world.lock();
    let ours = |act: &&crate::history::Act| act.who == who && act.id == life.id && act.at == act_at;
    let before = inner.acts.iter().find(ours)?.before.clone()?;
    if before.run_id < run_id {
        return None;
    }
    if before.is_terminal() {
        return Some("that run had ended before it was started again".to_owned());
    }
    // It counts unchanged for two ticks of a controller that keeps to them.
    let others = inner
        .acts
        .iter()
        .any(|act| act.id == life.id && act.at > act_at && act.deed != Deed::Create);
    if !story.nature.is_prompt() || others {
        return None;
    }
    let soon = at + Duration::from_secs(2);
    let next = life
        .moments
        .iter()
        .find(|moment| moment.at > at && moment.at <= soon && moment.run_id > run_id)?;
    // So does each when the server comes back.
    if inner
        .restarted
        .iter()
        .any(|down| *down >= act_at && *down <= next.at)
    {
        return None;
    }
    // A run that failed or was lost goes on in a new one by itself.
    let by_itself = life.moments.iter().any(|moment| {
        moment.at > act_at
            && moment.at <= next.at
            && matches!(moment.state.as_str(), "Recovering" | "Failing" | "Failed")
    });
    (!by_itself).then(|| {
        format!(
            "the run before: its successor began {:?} later",
            next.at - at
        )
    })
}

/// The end that was told was shown in the call that told it.
pub(super) fn ends(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let before = || pages.call_before(*at).map_or(*at, |call| call.began);
            let (id, state, began) = match told {
                // The next call may have ended in the same moment.
                Told::Stopped { id, began, .. } => (id, "Stopped", *began),
                Told::Ended { id, state } => (id, state.as_str(), before()),
                _ => continue,
            };
            let who = [pages.who.as_str()];
            let inner = story.world.lock();
            let mut shown = inner.ends_shown(&who, id, (began, *at));
            let was = shown.any(|(asked, job)| {
                let life = inner.life_at(id, asked);
                job.state == state
                    && life.is_some_and(|life| {
                        let mut moments = life.moments.iter();
                        moments.any(|moment| moment.run_id == job.run_id && moment.state == state)
                    })
            });
            if !was {
                return Some(format!("not seen: {} was told {told:?}", pages.who));
            }
        }
    }
    None
}

/// What was discarded is gone.
pub(super) fn discarded(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let (Told::Discarded { id } | Told::Deleted { id }) = told else {
                continue;
            };
            let inner = story.world.lock();
            let mut lives = inner.lives.iter().filter(|life| life.id == *id);
            // Another client may have made it again since, and so may a create of its own that a proxy has sent on late.
            let is_late = |life: &Life| {
                let mut acts = inner.acts.iter();
                acts.any(|act| act.late && act.deed == Deed::Create && act.at == life.made_at)
                    && inner.lives.iter().any(|before| {
                        before.id == life.id
                            && before.deleted_at.is_some_and(|gone| gone <= life.made_at)
                    })
            };
            let is_there = lives
                .any(|life| life.made_by == pages.who && life.is_there_at(*at) && !is_late(life));
            if is_there {
                return Some(format!("still there: {} was told {told:?}", pages.who));
            }
        }
    }
    None
}
