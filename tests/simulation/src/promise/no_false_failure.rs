//! A failure that is told is one that has happened.

use std::time::Duration;

use stepwell::{
    Error, PipelineId,
    error::{Action, ResolveError, StopError, WaitError},
    spec::Intent,
};
use tokio::time::Instant;

use super::last_act;
use super::process_of;
use crate::{
    diary::{Pages, Told},
    history::{Deed, Life},
    story::Story,
};

/// So long a refused create is looked for at least.
const LOOK: Duration = Duration::from_secs(4);

pub(super) fn check(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let Told::Failed(error) = told else { continue };
            let wrong = match error {
                Error::Wait { source } => of_wait(story, &pages, source, *at),
                Error::Resolve { source } => of_resolve(story, &pages, source, *at),
                Error::Stop { source } => of_stop(story, source, *at),
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Some(format!("{} was told {error:?}: {wrong}", pages.who));
            }
        }
    }
    None
}

fn of_wait(story: &Story, pages: &Pages, error: &WaitError, at: Instant) -> Option<String> {
    let life = |id: &PipelineId| story.world.lock().life_at(id.as_str(), at).cloned();
    // Since its last request that began a run, or since it looked first.
    let since = |id: &PipelineId| {
        let inner = story.world.lock();
        let acts = inner.acts.iter().rev();
        let mut ours = acts.filter(|act| act.who == pages.who && *act.id == *id.as_str());
        ours.find(|act| !act.late && act.at <= at && act.began_a_run())
            .map(|act| act.at)
            .or_else(|| pages.began())
            .unwrap_or(at)
    };
    // A create that an earlier submission of the process has left is taken over as one's own.
    let taken_over = |life: &Life| {
        life.id.starts_with("pl_") && process_of(&life.made_by) == Some(pages.process)
    };
    let came_to = |id: &PipelineId, state: &str| {
        let life = life(id)?;
        let after = since(id);
        // A first run of its own, or what may be its own, may be over before anybody looks.
        let sent = &story.world.lock().creates_sent;
        let maybe_made = sent
            .iter()
            .any(|(who, sent_at)| *who == pages.who && life.made_at >= *sent_at)
            || taken_over(&life);
        let after = if maybe_made || pages.resolves.is_empty() {
            life.made_at
        } else {
            after
        };
        (!life.entered(state, after, at)).then(|| format!("not since {after:?}: {life:?}"))
    };
    match error {
        WaitError::Failed { id, .. } => came_to(id, "Failed"),
        // Nothing revives a finished one, so it is so even if it was over before the request that was to start it; not if it was over
        // before this submission began, which then wanted another.
        WaitError::Finished { id, .. } => {
            let is_news = life(id).is_some_and(|life| {
                let began = pages.began();
                let is_old = began.is_some_and(|began| life.was_finished_at(began));
                life.was_finished_at(at) && (!is_old || taken_over(&life))
            });
            if is_news {
                None
            } else {
                came_to(id, "Finished")
            }
        }
        WaitError::Stopped { id, .. } => came_to(id, "Stopped"),
        WaitError::Vanished { id } => life(id)
            .is_none_or(|life| life.deleted_at.is_none())
            .then(|| "nobody has deleted it".to_owned()),
        WaitError::NoTasks { .. } | WaitError::Rejected { .. } => {
            Some("the server does no such thing".to_owned())
        }
        WaitError::Deadline { id, .. } => {
            let life = life(id)?;
            ran_long(story, pages, &life, at)
        }
        _ => None,
    }
}

fn of_stop(story: &Story, error: &StopError, at: Instant) -> Option<String> {
    let inner = story.world.lock();
    let wrong = match error {
        StopError::Vanished { id } => !inner
            .lives
            .iter()
            .any(|life| *life.id == *id.as_str() && life.deleted_at.is_some_and(|gone| gone <= at)),
        StopError::Resumed { id } => !inner.acts.iter().any(|act| {
            *act.id == *id.as_str()
                && act.at <= at
                && matches!(act.deed, Deed::Start | Deed::Create)
        }),
        StopError::EndedOtherwise { id, job } => inner
            .life_at(id.as_str(), at)
            .is_none_or(|life| !life.entered(&job.state.to_string(), life.made_at, at)),
        StopError::Rejected { id, source } => {
            // What 0.15 says of a pipeline that is gone is a refusal to whoever does not get its words.
            let gone = inner.lives.iter().any(|life| {
                *life.id == *id.as_str() && life.deleted_at.is_some_and(|gone| gone <= at)
            });
            let words = source.to_string().contains("no jobs");
            story.nature.takes_ids() || !gone || words
        }
        _ => false,
    };
    wrong.then(|| "the server does not show it".to_owned())
}

/// Whether it was Running, in a run that counts, for long enough before the deadline to be seen over this network.
fn ran_long(story: &Story, pages: &Pages, life: &Life, at: Instant) -> Option<String> {
    let enough = Duration::from_secs(20) + pages.stable_for;
    let run_id = life.at(at)?.run_id;
    let (from, to) = life.running(run_id, at)?;
    let counts = last_act(story, &pages.who, &life.id, at).is_none_or(|act| from > act);
    let (running, to) = (to - from, at - to);
    (pages.trouble <= 5 && counts && to.is_zero() && running > enough)
        .then(|| format!("it was Running for {running:?}"))
}

fn of_resolve(story: &Story, pages: &Pages, error: &ResolveError, at: Instant) -> Option<String> {
    let inner = story.world.lock();
    let same: Vec<&Life> = inner
        .lives
        .iter()
        .filter(|life| life.query == pages.query && life.made_at <= at)
        .collect();
    let began = pages.began().unwrap_or(at);
    let overlooked = || {
        same.iter().any(|life| {
            life.shown_at < began
                && life.deleted_at.is_none()
                && !life.was_finished_at(at)
                && pages.looks_at(story.nature.takes_ids(), &life.id)
        })
    };
    let unfounded = match error {
        ResolveError::Ambiguous { .. } => same.len() < 2,
        ResolveError::Finished { .. } => !same.iter().any(|life| life.was_finished_at(at)),
        ResolveError::AlreadyExists { .. } => pages.intent != Intent::CreateOnly || same.is_empty(),
        ResolveError::NothingToResume { .. } => pages.intent != Intent::ResumeOnly || overlooked(),
        ResolveError::OtherPipelines { .. } => pages.force || overlooked(),
        ResolveError::NoneWithId { newest, .. } => {
            let there = |id: &str| {
                let mut lives = inner.lives.iter();
                lives.any(|life| life.id == id && life.made_at <= at)
            };
            let named = newest.iter().all(|other| there(other.id.as_str()));
            pages.force || overlooked() || newest.is_empty() || !named
        }
        ResolveError::Vanished { existing } => !inner.lives.iter().any(|life| {
            *life.id == *existing.id.as_str() && life.deleted_at.is_some_and(|gone| gone <= at)
        }),
        // The row of a create that was cut midway, or one that did not show while it was looked for.
        ResolveError::Burnt { id, .. } => {
            let id = id.as_str();
            let mut hidden = inner.lives.iter().filter(|life| life.id == id);
            !inner.rows.contains(id)
                && !hidden.any(|life| life.shown_at + LOOK > at || life.deleted_at.is_some())
        }
        ResolveError::Conflict { .. } | ResolveError::UdfsDiffer { .. } => true,
        // Somebody has started again what was to be deleted, or made it again after it was.
        ResolveError::Rejected {
            action: Action::Discard,
            ..
        } => !inner.acts.iter().any(|act| {
            act.who != pages.who
                && (act.began_a_run() || act.deed == Deed::Create)
                && same.iter().any(|life| life.id == act.id)
        }),
        ResolveError::Rejected { .. } => {
            story.nature.page.is_none() && !same.iter().any(|life| life.deleted_at.is_some())
        }
        _ => false,
    };
    unfounded.then(|| "the server does not show it".to_owned())
}
