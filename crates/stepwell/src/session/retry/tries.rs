//! The loop that repeats a request for as long as the table allows it.

use std::{future::Future, time::Duration};

use stepwell_arroyo::{Client, ClientError};
use stepwell_transport::TransportErrorKind;

use super::{Backoff, FailureStreak, Next, Request};
use crate::{
    observe::Step,
    session::{Deadline, Requester},
};

/// The attempts of one request: the streak of failures, and the pauses between them.
pub(crate) struct Tries {
    requester: Requester,
    request: Request,
    step: Step,
    deadline: Deadline,
    failures: FailureStreak,
    backoff: Backoff,
    before: Option<ClientError>,
}

impl Requester {
    pub(crate) fn tries(&self, request: Request, step: Step, deadline: &Deadline) -> Tries {
        Tries {
            requester: self.clone(),
            request,
            step,
            deadline: *deadline,
            failures: FailureStreak::new(step),
            backoff: self.backoff(request),
            before: None,
        }
    }

    fn backoff(&self, request: Request) -> Backoff {
        let (first, longest) = request.pauses(self.poll_ceiling);
        Backoff::new(first, longest)
    }

    /// [`Tries::run`], for calls that have no errors of their own.
    pub(crate) async fn call<T, F>(
        &self,
        request: Request,
        step: Step,
        deadline: &Deadline,
        mut call: impl FnMut(Client) -> F + Send,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
        T: Send,
    {
        let repeated = self.tries(request, step, deadline).run(|client| {
            let reply = call(client);
            async { Ok::<_, std::convert::Infallible>(reply.await) }
        });
        match repeated.await {
            Ok(read) => read,
            Err(never) => match never {},
        }
    }
}

impl Tries {
    /// Sends the request until it succeeds, the table forbids another attempt, or the deadline is over.
    ///
    /// The inner error is that of the last attempt. `call` can end the loop at once with an error of its own, the outer one.
    pub(crate) async fn run<T, E, F>(
        mut self,
        mut call: impl FnMut(Client) -> F + Send,
    ) -> Result<Result<T, ClientError>, E>
    where
        F: Future<Output = Result<Result<T, ClientError>, E>> + Send,
        T: Send,
    {
        loop {
            let (client, left) = self.client();
            let error = match call(client).await? {
                Ok(value) => {
                    self.answered();
                    return Ok(Ok(value));
                }
                Err(error) => error,
            };
            match self.pause(error, left) {
                Ok(pause) => self.deadline.sleep(pause).await,
                Err(error) => return Ok(Err(error)),
            }
            // The last attempt of a write is made at the deadline itself.
            if self.deadline.is_over()
                && !self.request.is_write()
                && let Some(error) = self.before.take()
            {
                return Ok(Err(error));
            }
        }
    }

    /// Continues the streak of failures of `other`.
    pub(crate) fn take_over(&mut self, other: &mut Self) {
        self.failures = std::mem::replace(&mut other.failures, FailureStreak::new(self.step));
    }

    /// A client for the next attempt, and the time it has.
    pub(crate) fn client(&self) -> (Client, Duration) {
        let left = if self.request.is_write() {
            self.requester.request_timeout
        } else {
            self.deadline
                .for_a_request()
                .min(self.requester.request_timeout)
        };
        (self.requester.client.within(left), left)
    }

    /// Records a success.
    pub(crate) fn answered(&mut self) {
        self.failures.answered(&self.requester);
        self.backoff = self.requester.backoff(self.request);
        self.before = None;
    }

    /// The failure that the pause follows, to give up with.
    pub(crate) fn take_failure(&mut self) -> Option<ClientError> {
        self.before.take()
    }

    /// Whether our own deadline ended the request, which had much less time `left` than its timeout: such a failure says nothing about the
    /// server.
    pub(crate) fn is_cut_short(&self, error: &ClientError, left: Duration) -> bool {
        left < self.requester.request_timeout / 2
            && error.transport_error_kind() == Some(TransportErrorKind::TimedOut)
    }

    /// The pause before the next attempt, or the error to give up with. The failed attempt had the time `left`.
    pub(crate) fn pause(
        &mut self,
        error: ClientError,
        left: Duration,
    ) -> Result<Duration, ClientError> {
        if self.is_cut_short(&error, left)
            && let Some(before) = self.before.take()
        {
            return Err(before);
        }
        if self.deadline.is_over() || self.request.next(&error) == Next::GiveUp {
            return Err(error);
        }
        let pause = self.failed(&error);
        self.before = Some(error);
        Ok(pause)
    }

    /// Records a failure after which the request is retried, and returns the pause before that.
    pub(crate) fn failed(&mut self, error: &ClientError) -> Duration {
        self.failures.failed(&self.requester, error);
        let asked = error.retry_after().map(|asked| match self.step {
            // However long the server asks for, leave time for more attempts: a pipeline whose stop is lost keeps running.
            Step::Stop => asked.min(self.deadline.remaining() / 4),
            _ => asked,
        });
        self.backoff.retry(asked, &self.requester.jitter)
    }
}
