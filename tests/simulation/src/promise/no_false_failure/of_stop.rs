//! Of a stop.

use stepwell::error::StopError;

use super::Claim;
use crate::{exchange::JobShown, history::Deed, submitter::STOP};

pub(super) fn check(claim: &Claim<'_>, error: &StopError) -> Option<&'static str> {
    let inner = claim.story.world.lock();
    let lives = |id: &str| {
        let lives = inner.lives.iter().filter(|life| life.id == id);
        lives.cloned().collect::<Vec<_>>()
    };
    let (began, at) = (claim.began, claim.at);
    match error {
        StopError::Vanished { id } => {
            let lives = lives(id.as_str());
            let mut gone = lives.iter().filter_map(|life| life.deleted_at);
            let is_denied = inner.was_denied(&claim.pages.who, id.as_str(), began, at);
            (!gone.any(|gone| gone <= at) && !is_denied).then_some("it was not deleted")
        }
        StopError::Resumed { id } => {
            let resumed = inner.acts.iter().any(|act| {
                act.id == id.as_str()
                    && act.at <= at
                    && act.at >= began
                    && matches!(act.deed, Deed::Start | Deed::Create)
            });
            (!resumed).then_some("nothing resumed it")
        }
        StopError::EndedOtherwise { id, job } => {
            let ended = lives(id.as_str())
                .iter()
                .any(|life| life.had_ended_as(&job.state.to_string(), began, at));
            (!ended).then_some("it had not ended so")
        }
        StopError::Rejected { id, source } => {
            let refused = inner.asked(&claim.pages.who, began, at);
            let mut refused = refused.filter(|asked| asked.id == id.as_str() && asked.is_refused());
            if refused.next().is_none() {
                return Some("it was not refused");
            }
            // What 0.15 says of a pipeline that is gone is a refusal to whatever does not get its words.
            let words = source.to_string().contains("no jobs");
            (claim.story.nature.takes_ids() && words).then_some("it is gone, and that is known")
        }
        StopError::Deadline { id, source, .. } => {
            // Not to a shutdown that stops it too.
            let shutdowns = claim.story.shutdowns.get(claim.pages.process);
            let shutdown = shutdowns.and_then(|endings| endings.first());
            let until = shutdown.map_or(at, |ending| ending.shutdown_began.min(at));
            let showed_end = inner.asked(&claim.pages.who, began, until).any(|asked| {
                asked.sent_at < until
                    && asked.id == id.as_str()
                    && asked.job_by(at).is_some_and(JobShown::stays_ended)
            });
            drop(inner);
            if claim.is_early(STOP) {
                Some("before the deadline")
            } else if showed_end {
                Some("its end was shown")
            } else {
                claim
                    .is_not_last_seen(id.as_str(), source)
                    .then_some("it was seen otherwise")
            }
        }
        _ => Some("a new kind"),
    }
}
