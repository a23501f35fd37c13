//! Of what is asked before anything is made: whether the server is there, whether it takes the query, whether it has the pipeline.

use stepwell::error::{AttachError, ConnectError, ValidateError};

use super::Claim;
use crate::{exchange::Answer, purpose::Purpose, submitter::CONNECT};

pub(super) fn connect(claim: &Claim<'_>, error: &ConnectError) -> Option<&'static str> {
    let last = claim.last(Purpose::Ping);
    match error {
        ConnectError::NotUp { .. } if claim.is_early(CONNECT) => Some("before the deadline"),
        ConnectError::NotUp { .. } => (last == Some(Answer::Fine)).then_some("it answered"),
        ConnectError::Credentials { .. } => {
            let refused = matches!(
                last,
                Some(Answer::Refused {
                    status: 401 | 403,
                    ..
                })
            );
            (!refused).then_some("they were not refused")
        }
        ConnectError::NotArroyo { .. } => {
            let is_other = matches!(last, Some(Answer::Refused { .. } | Answer::Unreadable));
            (!is_other).then_some("nothing else answered")
        }
        ConnectError::Unreachable { .. } => Some("it is there again in a moment"),
        _ => Some("a new kind"),
    }
}

pub(super) fn validate(claim: &Claim<'_>, error: &ValidateError) -> Option<&'static str> {
    let last = claim.last(Purpose::Validate);
    match error {
        ValidateError::Invalid { .. } => Some("the query is valid"),
        ValidateError::Rejected { .. } => {
            let refused = matches!(last, Some(Answer::Refused { status, .. }) if status < 500);
            (!refused).then_some("it was not refused")
        }
        ValidateError::Unanswered { .. } if claim.is_early(CONNECT) => Some("before the deadline"),
        ValidateError::Unanswered { .. } => {
            (last == Some(Answer::Fine)).then_some("it was answered")
        }
        _ => Some("a new kind"),
    }
}

pub(super) fn attach(claim: &Claim<'_>, error: &AttachError) -> Option<&'static str> {
    let last = claim.last(Purpose::Look);
    match error {
        AttachError::NotFound { id } => {
            let inner = claim.story.world.lock();
            let life = inner.life_at(id.as_str(), claim.at);
            // It may be too new for a node that lags behind.
            let is_there =
                life.is_some_and(|life| life.shown_at <= claim.began && life.is_there_at(claim.at));
            is_there.then_some("it is there")
        }
        AttachError::Unreadable { .. } => {
            let refused = matches!(last, Some(Answer::Refused { status, .. }) if status < 500);
            (!refused && claim.is_early(CONNECT)).then_some("before the deadline")
        }
        _ => Some("a new kind"),
    }
}
