//! Running is said only of the run that counts.

use std::time::Duration;

use super::last_act;
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
                None => Some("there is no such pipeline".to_owned()),
                Some(life) => stable(&life, *run_id, *at, pages.stable_for)
                    .or_else(|| old_run(story, &pages.who, &life, *run_id, *at)),
            };
            if let Some(wrong) = wrong {
                return Some(format!(
                    "{} was told that {id} is Running in run {run_id}: {wrong}",
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
        return Some(format!("it was {:?} before", at - to));
    }
    (to - from < stable_for).then(|| format!("for {:?} and not for {stable_for:?}", to - from))
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
    (!by_itself).then(|| format!("its successor began {:?} later", next.at - at))
}

/// The end that was told is one of a run that counts.
pub(super) fn ends(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let (id, states): (_, &[&str]) = match told {
                Told::Stopped { id, .. } => (id, &["Stopped"]),
                Told::Ended { id, state } => (id, &[state.as_str()]),
                _ => continue,
            };
            let life = story.world.lock().life_at(id, *at).cloned();
            let was = life.is_some_and(|life| {
                life.moments
                    .iter()
                    .any(|moment| moment.at <= *at && states.contains(&moment.state.as_str()))
            });
            if !was {
                return Some(format!("{} was told {told:?}", pages.who));
            }
        }
    }
    None
}
