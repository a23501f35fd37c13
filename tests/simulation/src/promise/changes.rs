//! Of what is changed: each error is true, what was deleted is gone, and of two pipelines of which one takes the other's place at most one is
//! meant to run.

use std::time::Duration;

use stepwell::{
    Error,
    error::{ChangeError, MeantToRun},
};
use tokio::time::Instant;

use super::no_false_failure::{Claim, each};
use crate::{
    changes::PROOF,
    diary::{Pages, Replaced, Told},
    exchange::Exchange,
    history::{Act, Deed, Life, Moment},
    purpose::Purpose,
    story::Story,
    submitter::{RESOLVE, STOP},
};

pub(super) fn failures(story: &Story) -> Option<String> {
    each(story, |claim, error| match error {
        Error::Change { source } => is_untrue(claim, source),
        _ => None,
    })
}

fn is_untrue(claim: &Claim<'_>, error: &ChangeError) -> Option<&'static str> {
    let (began, at) = (claim.began, claim.at);
    let inner = claim.story.world.lock();
    let id = error.pipeline_id()?.as_str();
    let lives: Vec<Life> = inner
        .lives
        .iter()
        .filter(|life| life.id == id)
        .cloned()
        .collect();
    let was = |fits: &dyn Fn(&Moment) -> bool| {
        let moments = lives.iter().flat_map(|life| &life.moments);
        moments
            .clone()
            .any(|moment| moment.at <= at && fits(moment))
    };
    match error {
        ChangeError::Finished { .. } => {
            (!was(&|moment| moment.state == "Finished")).then_some("it had not finished")
        }
        ChangeError::NotRunning { job, .. } => {
            let state = job.state.to_string();
            (!was(&|moment| moment.state == state && moment.run_id == job.run_id))
                .then_some("it was never so")
        }
        ChangeError::StillRunning { state, .. } => {
            let state = state.to_string();
            (!was(&|moment| moment.state == state)).then_some("it was never so")
        }
        ChangeError::Vanished { .. } => {
            let mut gone = lives.iter().filter_map(|life| life.deleted_at);
            let is_denied = inner.was_denied(&claim.pages.who, id, began, at);
            (!gone.any(|gone| gone <= at) && !is_denied).then_some("it was not deleted")
        }
        ChangeError::Rejected { .. } => {
            let mut asked = inner.asked(&claim.pages.who, began, at);
            let is_refused = asked.any(|asked| asked.id == id && asked.is_refused());
            (!is_refused).then_some("it was not refused")
        }
        ChangeError::OutcomeUnknown { change, .. } => {
            let mut asked = inner.exchanges.iter().filter(|asked| {
                asked.who == claim.pages.who && asked.id == id && asked.sent_at <= at
            });
            let in_doubt = asked.any(|asked| {
                asked.purpose.changes()
                    && (asked.in_doubt_at(at) || asked.purpose == Purpose::Delete)
            });
            drop(inner);
            let allowed = match change {
                stepwell::error::Change::Delete => STOP,
                _ => RESOLVE,
            };
            let last = claim.asked().rev().find(|asked| asked.id == id);
            let refused = last.as_ref().is_some_and(Exchange::is_refused);
            // What does not run is not updated any more.
            let mut shown = claim.asked().rev().filter(|asked| asked.id == id);
            let ends = shown
                .find_map(|asked| asked.job_by(at).cloned())
                .is_some_and(|job| {
                    !job.desired
                        || matches!(
                            job.state.as_str(),
                            "Failing" | "Failed" | "Finishing" | "Finished"
                        )
                });
            if in_doubt {
                (claim.is_early(allowed) && !refused && !ends).then_some("before the deadline")
            } else {
                Some("nothing is in doubt")
            }
        }
        ChangeError::Unanswered { change, .. } | ChangeError::NotSettled { change, .. } => {
            drop(inner);
            let allowed = match change {
                stepwell::error::Change::Delete => STOP,
                _ => RESOLVE,
            };
            claim.is_early(allowed).then_some("before the deadline")
        }
        _ => Some("a new kind"),
    }
}

/// What was deleted is gone, unless another client has made it anew.
pub(super) fn deleted(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let Told::Deleted { id } = told else { continue };
            let began = pages.call_before(*at).map_or(*at, |call| call.began);
            let inner = story.world.lock();
            let mut lives = inner.lives.iter().filter(|life| life.id == *id);
            if lives.any(|life| life.made_at <= began && life.is_there_at(*at)) {
                return Some(format!("still there: {} was told {told:?}", pages.who));
            }
        }
    }
    None
}

pub(super) fn replaced(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for replaced in &pages.replaced {
            let both = Both::of(story, &pages, replaced);
            let wrong = both.run_at_once().or_else(|| both.is_untrue());
            if let Some(wrong) = wrong {
                return Some(format!("{wrong}: {} had {replaced:?}", pages.who));
            }
        }
    }
    None
}

/// An old pipeline and the one that takes its place.
struct Both<'a> {
    replaced: &'a Replaced,
    from: Instant,
    to: Instant,
    old: Vec<Life>,
    new: Vec<Life>,
    /// Whether others, or requests that came through long after they were given up, had a hand in it.
    is_disturbed: bool,
    /// Whether nothing was touched, so that what the old one is meant to do is its own affair.
    is_untouched: bool,
    /// Whether the old one was told to restart: it shows that at the next tick.
    is_restarted: bool,
}

impl<'a> Both<'a> {
    fn of(story: &Story, pages: &Pages, replaced: &'a Replaced) -> Self {
        let inner = story.world.lock();
        let from = replaced.from;
        // What its caller has left goes on for one request.
        let to = replaced.to.unwrap_or(from);
        let lives = inner.lives.iter();
        let old: Vec<Life> = lives
            .clone()
            .filter(|life| life.id == replaced.old)
            .cloned()
            .collect();
        // Another submission of the same spec may have made it.
        let query = story.diaries.iter().find_map(|diary| {
            let next = diary.try_read()?;
            (next.who == replaced.by).then(|| next.query.clone())
        });
        let new: Vec<Life> = lives
            .filter(|life| Some(&life.query) == query.as_ref())
            .cloned()
            .collect();
        let is_of = |act: &Act| {
            let mut both = old.iter().chain(&new);
            both.any(|life| life.id == act.id)
        };
        // A request on its way when it began is none of ours.
        let before = from.checked_sub(Duration::from_secs(30)).unwrap_or(from);
        let is_disturbed = inner.acts.iter().any(|act| {
            let is_ours = act.who == pages.who || act.who == replaced.by;
            is_of(act) && act.at >= before && act.at <= to && (act.late || !is_ours)
        });
        let is_restarted = inner.acts.iter().any(|act| {
            act.id == replaced.old && act.deed == Deed::Restart && act.at >= from && act.at <= to
        });
        let is_untouched = !inner.acts.iter().any(|act| {
            let is_ours = act.who == pages.who || act.who == replaced.by;
            is_of(act) && is_ours && act.at >= from && act.at <= to
        });
        let processes = story.shutdowns.get(pages.process);
        let shutdown = processes.and_then(|endings| endings.first());
        let is_shut_down = shutdown.is_some_and(|ending| ending.shutdown_began <= to);
        Self {
            replaced,
            from,
            to,
            old,
            new,
            is_disturbed: is_disturbed || is_shut_down,
            is_restarted,
            is_untouched,
        }
    }

    fn are_meant_to_run_at(lives: &[Life], time: Instant) -> bool {
        lives.iter().any(|life| {
            life.is_there_at(time)
                && life
                    .at(time)
                    .is_some_and(|moment| moment.desired && !moment.has_ended())
        })
    }

    fn run_at_once(&self) -> Option<&'static str> {
        if self.is_disturbed {
            return None;
        }
        let moments = self
            .old
            .iter()
            .chain(&self.new)
            .flat_map(|life| &life.moments);
        let mut times = moments.map(|moment| moment.at).chain([self.from, self.to]);
        let both = times.any(|time| {
            time >= self.from
                && time <= self.to
                && Self::are_meant_to_run_at(&self.old, time)
                && Self::are_meant_to_run_at(&self.new, time)
        });
        both.then_some("both at once")
    }

    fn is_untrue(&self) -> Option<&'static str> {
        if self.is_disturbed {
            return None;
        }
        let old = Self::are_meant_to_run_at(&self.old, self.to);
        let new = Self::are_meant_to_run_at(&self.new, self.to);
        match self.replaced.outcome.as_ref()? {
            Ok(id) => {
                let Some(life) = self.new.iter().find(|life| life.id == *id) else {
                    return Some("another pipeline runs");
                };
                // It may fail while the old one is deleted.
                let mut runs = life.moments.iter().map(|moment| moment.run_id);
                let is_proved = runs.any(|run_id| {
                    let run = life.running(run_id, self.to);
                    run.is_some_and(|(from, to)| to - from >= PROOF && to >= self.from)
                });
                let is_kept = self.old.iter().any(|life| life.is_there_at(self.to));
                if !is_proved {
                    Some("not proved")
                } else if old {
                    Some("the old one is meant to run")
                } else {
                    (is_kept != self.replaced.keeps_old)
                        .then_some("the old one was not dealt with as asked")
                }
            }
            Err(_) if self.is_untouched => None,
            Err(Error::Replacement { source }) => match source.meant_to_run() {
                Some(MeantToRun::Old) => {
                    (!(old || self.is_restarted) || new).then_some("not the old one")
                }
                Some(MeantToRun::New) => old.then_some("the old one"),
                Some(MeantToRun::Neither) => (old || new).then_some("one is meant to run"),
                _ => None,
            },
            Err(_) => None,
        }
    }
}
