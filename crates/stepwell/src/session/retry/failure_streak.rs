//! Consecutive failures of requests: see [`FailureStreak`].

use std::error::Error;

use stepwell_arroyo::ClientError;
use stepwell_transport::TransportError;
use tokio::time::Instant;

use crate::{
    observe::{Event, Step},
    session::Requester,
};

/// A streak of consecutive failures, which reports each of them and the success that ends it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailureStreak {
    step: Step,
    count: u32,
    since: Option<Instant>,
}

impl FailureStreak {
    pub(crate) fn new(step: Step) -> Self {
        Self {
            step,
            count: 0,
            since: None,
        }
    }

    /// Records a failure that may be temporary; the request is retried.
    pub(crate) fn failed(&mut self, requester: &Requester, error: &ClientError) {
        self.count = self.count.saturating_add(1);
        self.since.get_or_insert_with(Instant::now);
        // Not the error itself: the server's message in it may repeat what was sent.
        tracing::warn!(
            step = %self.step, attempt = self.count, operation = %error.operation(),
            http.response.status_code = error.status().map(|status| status.as_u16()),
            error.type = error.transport_error_kind().map(tracing::field::debug),
            "trying again"
        );
        requester.tell_of(|subject| Event::Retrying {
            subject,
            step: self.step,
            reason: reason(error),
            attempt: self.count,
        });
    }

    /// Records a success.
    pub(crate) fn answered(&mut self, requester: &Requester) {
        if let Some(since) = self.since.take() {
            let failures = std::mem::take(&mut self.count);
            requester.tell_of(|subject| Event::Answered {
                subject,
                step: self.step,
                failures,
                elapsed: since.elapsed(),
            });
        }
    }
}

/// An error with its causes on one line, without durations, so that equal failures have equal texts.
fn reason(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        match cause.downcast_ref::<TransportError>() {
            Some(cause) => text.push_str(cause.message()),
            None => text.push_str(&cause.to_string()),
        }
        source = cause.source();
    }
    text
}
