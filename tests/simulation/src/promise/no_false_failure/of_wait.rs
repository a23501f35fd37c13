//! Of a wait for Running, or for the end.

use std::time::Duration;

use stepwell::{PipelineId, error::WaitError};

use super::Claim;
use crate::{
    exchange::Answer,
    history::{Act, Deed, Life, Moment},
    promise::{forerunners, last_act, process_of},
    purpose::Purpose,
    submitter::{RUNNING, SILENCE},
};

pub(super) fn check(claim: &Claim<'_>, error: &WaitError) -> Option<&'static str> {
    match error {
        WaitError::Failed { id, .. } => came_to(claim, id, "Failed"),
        // Nothing revives a finished one, so it is so even if it was over before the request that was to start it; not if it was over
        // before this submission began, which then wanted another.
        WaitError::Finished { id, .. } => {
            let is_news = life_of(claim, id).is_some_and(|life| {
                let began = claim.pages.began();
                let is_old = began.is_some_and(|began| life.was_finished_at(began));
                life.was_finished_at(claim.at) && (!is_old || is_taken_over(claim, &life))
            });
            if is_news {
                None
            } else {
                came_to(claim, id, "Finished")
            }
        }
        WaitError::Stopped { id, .. } => came_to(claim, id, "Stopped"),
        WaitError::Vanished { id } => {
            let inner = claim.story.world.lock();
            let mut lives = inner.lives.iter().filter(|life| life.id == id.as_str());
            let is_gone = lives.any(|life| life.deleted_at.is_some_and(|gone| gone <= claim.at));
            (!is_gone).then_some("nothing has deleted it")
        }
        WaitError::NoTasks { .. } => (!claim.story.nature.no_tasks).then_some("it has tasks"),
        WaitError::Rejected { .. } => {
            let refused = matches!(
                claim.last(Purpose::Jobs),
                Some(Answer::Refused {
                    status: 401 | 403,
                    ..
                })
            );
            (!refused).then_some("it was not refused")
        }
        WaitError::Deadline {
            id,
            not_stable_for,
            source,
            ..
        } => {
            let life = life_of(claim, id)?;
            if claim.is_early(RUNNING) {
                Some("before the deadline")
            } else if claim.is_not_last_seen(id.as_str(), source) {
                Some("it was seen otherwise")
            } else if not_stable_for.is_some() && !life.entered("Running", life.made_at, claim.at) {
                Some("it never ran")
            } else {
                ran_long(claim, &life)
            }
        }
        WaitError::Silence { id, silence, .. } => {
            let Some(from) = claim.at.checked_sub(*silence) else {
                return Some("longer than it was watched");
            };
            let inner = claim.story.world.lock();
            let mut asked = inner.asked(&claim.pages.who, from, claim.at);
            let heard =
                asked.any(|asked| asked.id == id.as_str() && asked.job_by(claim.at).is_some());
            if heard {
                Some("the job was shown")
            } else {
                (*silence < SILENCE).then_some("not silent for long")
            }
        }
        _ => Some("a new kind"),
    }
}

fn life_of(claim: &Claim<'_>, id: &PipelineId) -> Option<Life> {
    let inner = claim.story.world.lock();
    // A slow reply may be about the one before.
    let shown = inner.last_job(&claim.pages.who, id.as_str(), claim.at);
    let at = shown.map_or(claim.at, |(at, _)| at);
    let life = inner.life_at(id.as_str(), at);
    let life = life.or_else(|| inner.life_at(id.as_str(), claim.at));
    life.cloned()
}

/// A create that an earlier submission of the process has left is taken over as one's own.
fn is_taken_over(claim: &Claim<'_>, life: &Life) -> bool {
    let is_of_process = process_of(&life.made_by) == Some(claim.pages.process);
    life.id.starts_with("pl_") && is_of_process && life.query == claim.pages.query
}

/// Not since its last request that began a run, or since it looked first.
fn came_to(claim: &Claim<'_>, id: &PipelineId, state: &str) -> Option<&'static str> {
    let life = life_of(claim, id)?;
    let pages = claim.pages;
    let before = forerunners(claim.story, pages);
    let inner = claim.story.world.lock();
    let mut acts = inner.acts.iter().rev();
    let begun = acts.find(|act| {
        act.who == pages.who
            && life.is_of(act)
            && !act.late
            && act.at <= claim.at
            && act.began_a_run()
            && !is_ignored(act)
    });
    let since = begun.map(|act| act.at).or_else(|| pages.began());
    // A first run of its own, or what may be its own, may be over before it is looked at.
    let maybe_made = inner.creates_sent.iter().any(|(who, sent_at)| {
        (*who == pages.who || before.contains(who))
            && life.shown_at >= *sent_at
            && life.query == pages.query
    }) || is_taken_over(claim, &life);
    let after = if maybe_made || pages.resolves.is_empty() {
        life.made_at
    } else {
        // Readers that lag behind show it when it is over there already.
        // So does a controller that is slower than two ticks.
        let nature = &claim.story.nature;
        let slack = if nature.is_prompt() {
            nature.lag
        } else {
            nature.lag + Duration::from_secs(5)
        };
        since.map_or(claim.at, |since| since - slack)
    };
    let shown = inner.last_job(&pages.who, &life.id, claim.at);
    if shown.is_none_or(|(_, job)| job.state != state) {
        return Some("it was seen otherwise");
    }
    (!life.entered(state, after, claim.at)).then_some("not since it began")
}

/// Whether it was Running, in a run that counts, for long enough before the deadline to be seen over this network.
fn ran_long(claim: &Claim<'_>, life: &Life) -> Option<&'static str> {
    let (pages, at) = (claim.pages, claim.at);
    let enough = Duration::from_secs(20) + pages.stable_for;
    let run_id = life.at(at)?.run_id;
    let (from, to) = life.running(run_id, at)?;
    let counts = last_act(claim.story, &pages.who, &life.id, at).is_none_or(|act| from > act);
    let (running, to) = (to - from, at - to);
    // A server that does not answer cannot show it.
    let inner = claim.story.world.lock();
    let shown = inner.last_job(&pages.who, &life.id, at)?;
    let is_shown = at - shown.0 < Duration::from_secs(10);
    (is_shown && pages.trouble <= 5 && counts && to.is_zero() && running > enough)
        .then_some("it was Running for long")
}

/// Whether a failed job has ignored that it was told to run.
fn is_ignored(act: &Act) -> bool {
    let failed = |before: &Moment| before.state == "Failed";
    act.deed == Deed::Start && act.before.as_ref().is_some_and(failed)
}
