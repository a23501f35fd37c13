//! A failure that is told is one that has happened: each error is held against what the submission was answered, and against what was so
//! on the server.

mod of_access;
mod of_resolve;
mod of_stop;
mod of_wait;

use std::time::Duration;

use stepwell::{Error, error::LastSeen};
use tokio::time::Instant;

use crate::{
    diary::{Pages, Told},
    exchange::{Answer, Exchange},
    purpose::Purpose,
    story::Story,
};

/// One error, and when it was told.
pub(super) struct Claim<'a> {
    pub(super) story: &'a Story,
    pub(super) pages: &'a Pages,
    pub(super) at: Instant,
    /// When the call began that ended with it.
    pub(super) began: Instant,
    /// Which pipelines which submissions were told of.
    told: &'a [(String, String)],
}

pub(super) fn connect(story: &Story) -> Option<String> {
    each(story, |claim, error| match error {
        Error::Connect { source } => of_access::connect(claim, source),
        _ => None,
    })
}

pub(super) fn validate(story: &Story) -> Option<String> {
    each(story, |claim, error| match error {
        Error::Validate { source } => of_access::validate(claim, source),
        _ => None,
    })
}

pub(super) fn attach(story: &Story) -> Option<String> {
    each(story, |claim, error| match error {
        Error::Attach { source } => of_access::attach(claim, source),
        _ => None,
    })
}

pub(super) fn resolve(story: &Story) -> Option<String> {
    each(story, |claim, error| match error {
        Error::Resolve { source } => of_resolve::check(claim, source),
        _ => None,
    })
}

pub(super) fn wait(story: &Story) -> Option<String> {
    each(story, |claim, error| match error {
        Error::Wait { source } => of_wait::check(claim, source),
        _ => None,
    })
}

pub(super) fn stop(story: &Story) -> Option<String> {
    each(story, |claim, error| match error {
        Error::Stop { source } => of_stop::check(claim, source),
        _ => None,
    })
}

/// A shutdown has begun when it is told so, and a look that failed did.
pub(super) fn shutdown(story: &Story) -> Option<String> {
    each(story, |claim, error| match error {
        Error::ShutdownBegun => {
            let endings = story.shutdowns.get(claim.pages.process)?;
            let began = endings.first().map(|ending| ending.shutdown_began);
            (began > Some(claim.at)).then_some("no shutdown had begun")
        }
        Error::Look { .. } => {
            let failed = claim.asked().any(|asked| claim.is_failed(&asked));
            (!failed).then_some("no look failed")
        }
        Error::NoRuntime => Some("there is a runtime"),
        _ => None,
    })
}

pub(super) fn each(
    story: &Story,
    check: impl Fn(&Claim<'_>, &Error) -> Option<&'static str>,
) -> Option<String> {
    let mut all_told = Vec::new();
    for diary in &story.diaries {
        let pages = diary.read();
        let ids = pages.told.iter().filter_map(|(_, told)| told.id());
        all_told.extend(ids.map(|id| (pages.who.clone(), id.to_owned())));
    }
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let Told::Failed(error) = told else { continue };
            let Some(call) = pages.call_before(*at) else {
                continue;
            };
            let claim = Claim {
                story,
                pages: &pages,
                at: *at,
                began: call.began,
                told: &all_told,
            };
            if let Some(wrong) = check(&claim, error) {
                let (who, code) = (&pages.who, error.code());
                return Some(format!("{code}, {wrong}: {who} was told {error:?}"));
            }
        }
    }
    None
}

/// What a time may lack that is said to be over.
const MARGIN: Duration = Duration::from_millis(50);

impl Claim<'_> {
    /// What it asked in the call.
    pub(super) fn asked(&self) -> impl DoubleEndedIterator<Item = Exchange> {
        let inner = self.story.world.lock();
        let asked = inner.asked(&self.pages.who, self.began, self.at).cloned();
        asked.collect::<Vec<_>>().into_iter()
    }

    fn last(&self, purpose: Purpose) -> Option<Answer> {
        let mut asked = self.asked().rev();
        let last = asked.find(|asked| asked.purpose == purpose)?;
        last.answer_by(self.at).cloned()
    }

    fn is_failed(&self, asked: &Exchange) -> bool {
        matches!(
            asked.answer_by(self.at),
            None | Some(
                Answer::NotSent | Answer::Lost | Answer::Unreadable | Answer::Refused { .. }
            )
        )
    }

    /// Whether the call had not had all of its time.
    pub(super) fn is_early(&self, allowed: Duration) -> bool {
        self.at - self.began + MARGIN < allowed
    }

    /// Whether the last job that was shown is not the one that the error says was seen.
    fn is_not_last_seen(&self, id: &str, seen: &LastSeen) -> bool {
        let inner = self.story.world.lock();
        let shown = inner.last_job(&self.pages.who, id, self.at);
        match (seen, shown) {
            (
                LastSeen::Job {
                    state,
                    run_id,
                    running_desired,
                },
                Some((_, shown)),
            ) => {
                state.to_string() != shown.state
                    || *run_id != shown.run_id
                    || *running_desired != shown.desired
            }
            (LastSeen::Job { .. }, None) => true,
            _ => false,
        }
    }
}
