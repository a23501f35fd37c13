//! Of a resolve, and of undoing one.

use http::StatusCode;
use stepwell::{
    error::{Action, ResolveError},
    spec::Intent,
};

use super::{Claim, MARGIN};
use crate::promise::process_of;
use crate::{
    exchange::{Answer, Exchange},
    history::{Deed, Life},
    purpose::Purpose,
    submitter::{RESOLVE, SETTLE},
};

pub(super) fn check(claim: &Claim<'_>, error: &ResolveError) -> Option<&'static str> {
    let (story, pages, at) = (claim.story, claim.pages, claim.at);
    let same = claim.same();
    let named = |id: &str| {
        same.iter()
            .rev()
            .find(|life| life.id == id && life.made_at <= at)
    };
    match error {
        ResolveError::OutcomeUnknown { .. } | ResolveError::StillUnknown { .. } => unknown(claim),
        ResolveError::Unanswered { .. } if claim.is_early(RESOLVE) => Some("before the deadline"),
        ResolveError::Unanswered { .. } => None,
        ResolveError::NotSettled { existing, .. } => {
            let life = named(existing.id.as_str())?;
            let was = life
                .at(at)
                .is_some_and(|moment| matches!(moment.state.as_str(), "Finishing" | "Failing"));
            if claim.is_early(RESOLVE) {
                Some("before the deadline")
            } else {
                let left = life
                    .moments
                    .last()
                    .is_some_and(|last| at - last.at < SETTLE);
                (!was && !left).then_some("it had come to its end")
            }
        }
        ResolveError::Ambiguous { matches } => {
            let are_there = matches.iter().all(|one| {
                named(one.id.as_str())
                    .is_some_and(|life| life.deleted_at.is_none_or(|gone| gone >= claim.began))
            });
            (matches.len() < 2 || !are_there).then_some("they are not there")
        }
        ResolveError::Finished { finished } => {
            (!claim.has_finished(finished.id.as_str())).then_some("it has not finished")
        }
        ResolveError::AlreadyExists { existing } => {
            let life = named(existing.id.as_str());
            if pages.intent != Intent::CreateOnly {
                Some("it was to be resumed")
            } else if life
                .is_none_or(|life| life.deleted_at < Some(claim.began) && life.deleted_at.is_some())
            {
                Some("it does not exist")
            } else {
                let inner = story.world.lock();
                let is_own = life.is_some_and(|life| life.made_by == pages.who);
                (is_own && !inner.doubled.contains(&pages.who)).then_some("it is its own")
            }
        }
        ResolveError::NothingToResume { .. }
            if !matches!(pages.intent, Intent::ResumeOnly | Intent::Resume(_)) =>
        {
            Some("it may be created")
        }
        ResolveError::OtherPipelines { .. } | ResolveError::NoneWithId { .. } if pages.force => {
            Some("it was forced")
        }
        ResolveError::NothingToResume { .. } => claim.overlooked(),
        ResolveError::OtherPipelines { others, .. } => (!claim
            .are_there(others.iter().map(|other| other.id.as_str())))
        .then_some("there are no others")
        .or_else(|| claim.overlooked()),
        ResolveError::NoneWithId { newest, .. } => (!claim
            .are_there(newest.iter().map(|other| other.id.as_str())))
        .then_some("there are no others")
        .or_else(|| claim.overlooked()),
        ResolveError::Vanished { existing } => {
            let inner = story.world.lock();
            let mut lives = inner.lives.iter();
            let is_gone = lives.any(|life| {
                life.id == existing.id.as_str() && life.deleted_at.is_some_and(|gone| gone <= at)
            });
            drop(inner);
            // A node that lags behind says so too, and the error names both.
            let is_denied = claim.asked().any(|asked| {
                let denied = Answer::Refused {
                    status: 404,
                    from_api: true,
                };
                asked.id == existing.id.as_str() && asked.answer_by(at) == Some(&denied)
            });
            (!is_gone && !is_denied).then_some("it was not deleted")
        }
        ResolveError::Burnt { id, .. } => burnt(claim, id.as_str()),
        ResolveError::Conflict { id, .. } => {
            let inner = story.world.lock();
            let life = inner.life_at(id.as_str(), at);
            let has_another = life.is_some_and(|life| life.query != pages.query);
            (!has_another).then_some("no other query has the id")
        }
        ResolveError::UdfsDiffer { .. } => Some("there are no UDFs"),
        ResolveError::Rejected { action, source, .. } => match source.status() {
            Some(StatusCode::TOO_MANY_REQUESTS) => Some("the server asked to wait"),
            Some(StatusCode::CONFLICT) => Some("the server was busy"),
            _ => rejected(claim, *action),
        },
        _ => Some("a new kind"),
    }
}

impl Claim<'_> {
    /// Whether it has. Another client may have deleted it since, and made one anew under its id.
    fn has_finished(&self, id: &str) -> bool {
        let inner = self.story.world.lock();
        inner.lives.iter().any(|life| {
            life.id == id
                && life.deleted_at.is_none_or(|gone| gone >= self.began)
                && life.entered("Finished", life.made_at, self.at)
        })
    }

    /// Pipelines of the query that were there by now.
    fn same(&self) -> Vec<Life> {
        let inner = self.story.world.lock();
        let lives = inner.lives.iter();
        let same = lives.filter(|life| life.query == self.pages.query && life.made_at <= self.at);
        same.cloned().collect()
    }

    /// One of the query was there to be seen for the whole time.
    fn overlooked(&self) -> Option<&'static str> {
        let (pages, at) = (self.pages, self.at);
        let takes_ids = self.story.nature.takes_ids();
        let is = self.same().iter().any(|life| {
            life.shown_at < self.began
                && life.is_there_at(at)
                && !life.was_finished_at(at)
                && pages.looks_at(takes_ids, &life.id)
        });
        is.then_some("one was there")
    }

    fn are_there<'a>(&self, mut ids: impl Iterator<Item = &'a str>) -> bool {
        let inner = self.story.world.lock();
        let mut any = false;
        ids.all(|id| {
            any = true;
            let mut lives = inner.lives.iter();
            lives.any(|life| {
                life.id == id
                    && life.made_at <= self.at
                    && life.deleted_at.is_none_or(|gone| gone >= self.began)
            })
        }) && any
    }

    /// The creates of this submission, and of those of its process of the same pipeline, which it settles first.
    fn creates(&self) -> Vec<Exchange> {
        let inner = self.story.world.lock();
        let asked = inner.exchanges.iter();
        let creates = asked.filter(|asked| {
            let is_same = asked.name.as_ref() == Some(&self.pages.name)
                || self.pages.row.iter().flatten().any(|id| *id == asked.id);
            let is_of_process = is_same && process_of(&asked.who) == Some(self.pages.process);
            let is_ours = asked.who == self.pages.who || is_of_process;
            is_ours && asked.purpose.creates() && asked.sent_at <= self.at
        });
        creates.cloned().collect()
    }
}

/// Its create may have taken effect, was looked for, and was not shown.
fn unknown(claim: &Claim<'_>) -> Option<&'static str> {
    let creates = claim.creates();
    let Some(doubt) = creates.iter().find(|create| create.in_doubt_at(claim.at)) else {
        return Some("nothing is in doubt");
    };
    let mut own = creates.iter().rev();
    let last = own.find(|create| create.who == claim.pages.who);
    let last = last.and_then(|create| create.ended.as_ref());
    let since = last.map_or(claim.began, |(at, _)| (*at).max(claim.began));
    let refused = claim.asked().rev().find(|asked| !asked.purpose.creates());
    let refused = refused.is_some_and(|asked| asked.is_refused());
    // A list that cannot be read to its end is not looked at again.
    if claim.story.nature.page.is_some() {
        return None;
    }
    if claim.at - since + MARGIN < SETTLE && claim.is_early(RESOLVE) && !refused {
        return Some("looked for too short");
    }
    // It answers for another create of the process.
    let taken = |id: &str| {
        let mut told = claim.told.iter();
        told.any(|(who, told)| told == id && *who != claim.pages.who)
    };
    let inner = claim.story.world.lock();
    let mine = inner
        .lives
        .iter()
        .filter(|life| life.made_by == claim.pages.who && life.is_there_at(claim.at));
    let mine: Vec<_> = mine.map(|life| life.id.clone()).collect();
    drop(inner);
    let shown = claim
        .asked()
        .find_map(|asked| match asked.answer_by(claim.at) {
            Some(Answer::Pipelines(ids)) if asked.sent_at > doubt.sent_at => {
                mine.iter().find(|id| ids.contains(id)).cloned()
            }
            _ => None,
        });
    shown
        .is_some_and(|id| !taken(&id))
        .then_some("it was shown")
}

/// Only the row of a create that was cut midway is there without a job, or one of another client that did not show while it was looked for.
fn burnt(claim: &Claim<'_>, id: &str) -> Option<&'static str> {
    let inner = claim.story.world.lock();
    if inner.rows.contains(id) {
        return None;
    }
    let mut hidden = inner.lives.iter().filter(|life| life.id == id);
    let hidden = hidden.any(|life| {
        life.made_by != claim.pages.who && life.made_at <= claim.at && life.shown_at > claim.began
    });
    drop(inner);
    if hidden {
        return None;
    }
    Some("it is not burnt")
}

fn rejected(claim: &Claim<'_>, action: Action) -> Option<&'static str> {
    let mut asked = claim.asked().filter(|asked| {
        matches!(asked.answer_by(claim.at), Some(Answer::Refused { status, .. }) if *status < 500)
    });
    let refused = asked.any(|asked| match action {
        Action::Find => matches!(
            asked.purpose,
            Purpose::List | Purpose::NextPage | Purpose::Look | Purpose::Jobs
        ),
        Action::Create => asked.purpose.creates(),
        Action::Resume => matches!(
            asked.purpose,
            Purpose::Start | Purpose::Restart | Purpose::Jobs | Purpose::Stop
        ),
        Action::Discard => asked.purpose == Purpose::Delete,
        _ => true,
    });
    // A page that is cut shorter than the pipelines of one moment proves nothing, and the reading says so.
    let is_cut = claim.story.nature.page.is_some() && action == Action::Find;
    if !refused && !is_cut {
        return Some("it was not refused");
    }
    let credentials = claim.asked().any(|asked| {
        let answer = asked.answer_by(claim.at);
        matches!(
            answer,
            Some(Answer::Refused {
                status: 401 | 403,
                ..
            })
        )
    });
    if credentials {
        return None;
    }
    // Something has started again what was to be deleted, or made it again after it was.
    let same = claim.same();
    let inner = claim.story.world.lock();
    let restarted = inner.acts.iter().any(|act| {
        act.who != claim.pages.who
            && (act.began_a_run() || act.deed == Deed::Create)
            && same.iter().any(|life| life.is_of(act))
    });
    // The readers denied it for so long that it was given up before its end was seen.
    let (began, at) = (claim.began, claim.at);
    let is_denied = same
        .iter()
        .any(|life| inner.was_denied(&claim.pages.who, &life.id, began, at));
    (action == Action::Discard && !restarted && !is_denied).then_some("it had ended")
}
