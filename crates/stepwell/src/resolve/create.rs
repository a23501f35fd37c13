//! Creating a pipeline at most once.

use std::time::Duration;

use http::StatusCode;
use stepwell_arroyo::{ClientError, Made, Pipeline};

use super::{
    Action, ResolveError,
    attempt::{CreateAttempt, Sent},
    send_create::send,
    settle::{Claims, SettleOutcome, look, settle},
};
use crate::{
    error::Error,
    observe::Step,
    session::{
        Deadline, Session,
        retry::{Failure, Next, Request},
    },
};

/// The pause before the create of another submission is looked at again.
const BESIDE: Duration = Duration::from_millis(20);

/// How long to look once after a refusal that does not mention an existing id.
const LOOK: Duration = Duration::from_secs(2);

/// How long to look for the pipeline after a `PUT` was refused as a duplicate: one that exists is visible by then, even where readers lag
/// behind. To report its id as burnt too soon would be advice to delete it.
const RIVAL: Duration = Duration::from_secs(15);

/// The result of a create.
pub(crate) enum CreateOutcome {
    /// The server confirmed the create.
    Created(Made),
    /// The pipeline exists, but is not known to have been created by this submission, or is known not to have been.
    Adopted {
        pipeline: Box<Pipeline>,
        started_here: bool,
    },
    /// Nothing was created. The server assigns ids itself, so the absence of our id proves nothing, and the list has to decide by the query;
    /// or another submission's create of the same spec has to be settled first.
    ListNeeded,
}

pub(crate) struct Creating<'a> {
    pub(crate) session: &'a Session,
    pub(crate) deadline: &'a Deadline,
}

impl Creating<'_> {
    /// Creates the pipeline, and leaves in `attempt` what is in doubt.
    pub(crate) async fn run(&self, attempt: &mut CreateAttempt) -> Result<CreateOutcome, Error> {
        let requester = &self.session.requester;
        let memory = requester.memory();
        let mut tries = requester.tries(Request::Put, Step::Resolve, self.deadline);
        let mut count = 0;
        // Remembered here too: another submission's `PUT`, through another node, makes the shared memory forget it.
        let mut put_is_missing = false;
        loop {
            let before = attempt.sent;
            let may_post = attempt.id().is_some()
                && before == Sent::Nothing
                && (put_is_missing || !memory.has_put());
            if may_post && !attempt.leave_the_id_to_the_server() {
                return Ok(CreateOutcome::ListNeeded);
            }
            let request = attempt.way();
            let error = match send(self.session, attempt).await? {
                None if self.deadline.is_over() => return Err(attempt.still_unknown().into()),
                None => {
                    self.deadline.sleep(BESIDE).await;
                    return Ok(CreateOutcome::ListNeeded);
                }
                Some(Ok(made)) => {
                    attempt.sent = Sent::Nothing;
                    tries.answered();
                    return Ok(CreateOutcome::Created(made));
                }
                Some(Err(error)) => error,
            };
            let failure = Failure::of(&error);
            if failure.changed_nothing() {
                attempt.sent = before;
            }
            match request.next(&error) {
                Next::Again if self.deadline.is_over() => {
                    return Err(self.not_sent(attempt, error));
                }
                // It says nothing about an earlier request in doubt, which may have shown up.
                Next::Again if failure == Failure::Busy && before != Sent::Nothing => {
                    if let Some(outcome) = self.look_once(attempt).await? {
                        tries.answered();
                        return Ok(outcome);
                    }
                }
                Next::Again => {}
                Next::OtherWay => {
                    memory.put_is_missing();
                    put_is_missing = true;
                    if before == Sent::Nothing {
                        continue;
                    }
                    // An old and a new node behind one address: the new one may still process the `PUT`, and a `POST` now could create a
                    // second pipeline.
                    return self.settle(attempt, error).await;
                }
                Next::Settle if failure == Failure::AlreadyThere => {
                    return self.refused_put(attempt, before, error).await;
                }
                Next::Settle if request == Request::Put => {
                    if let Some(outcome) = self.look_once(attempt).await? {
                        tries.answered();
                        return Ok(outcome);
                    }
                    if self.deadline.is_over() || count >= PUT_TRIES {
                        return self.settle(attempt, error).await;
                    }
                }
                Next::Settle => return self.settle(attempt, error).await,
                Next::GiveUp if failure == Failure::CannotBeSent => {
                    return Err(self.not_sent(attempt, error));
                }
                Next::GiveUp if before != Sent::Nothing => {
                    return self.settle(attempt, error).await;
                }
                Next::GiveUp => return self.refused(attempt, error).await,
            }
            count += 1;
            self.deadline.sleep(tries.failed(&error)).await;
        }
    }

    /// Looks for the pipeline of an earlier call's create.
    pub(crate) async fn settle_earlier(
        &self,
        attempt: &mut CreateAttempt,
    ) -> Result<CreateOutcome, Error> {
        let settled = self
            .look_until(attempt, self.session.options.settle_timeout)
            .await;
        match self.adopted(attempt, settled, true)? {
            Ok(outcome) => Ok(outcome),
            // How the lookup ended says nothing about the create.
            Err(Some(error)) => Err(self.unknown(attempt, error)),
            Err(None) => Err(attempt.still_unknown().into()),
        }
    }

    fn not_sent(&self, attempt: &CreateAttempt, error: ClientError) -> Error {
        if attempt.in_doubt() {
            return self.unknown(attempt, error);
        }
        ResolveError::unanswered(Action::Create, attempt.spec.name(), self.deadline, error).into()
    }

    /// Handles a refusal after which nothing of the create is in doubt.
    async fn refused(
        &self,
        attempt: &mut CreateAttempt,
        error: ClientError,
    ) -> Result<CreateOutcome, Error> {
        if let Some(outcome) = self.rivals(attempt, &error).await? {
            return Ok(outcome);
        }
        Err(ResolveError::rejected(Action::Create, attempt.spec.name(), error).into())
    }

    async fn refused_put(
        &self,
        attempt: &mut CreateAttempt,
        before: Sent,
        error: ClientError,
    ) -> Result<CreateOutcome, Error> {
        let maybe_ours = before != Sent::Nothing;
        // Our own may take as long to show as after a lost reply.
        let timeout = self.session.options.settle_timeout;
        let first = if maybe_ours { timeout } else { RIVAL };
        let mut settled = self.look_until(attempt, first).await;
        // A busy server says nothing about the row; look for longer.
        while let SettleOutcome::Failed(error) = &settled
            && Request::Find.next(error) != Next::GiveUp
            && !self.deadline.is_over()
        {
            settled = self.look_until(attempt, timeout).await;
        }
        match self.adopted(attempt, settled, maybe_ours)? {
            Ok(outcome) => Ok(outcome),
            // Absence is not proved: reporting the id as burnt would be advice to delete what may be running.
            Err(Some(looked)) => {
                attempt.sent = before;
                if maybe_ours {
                    return Err(self.unknown(attempt, looked));
                }
                let name = attempt.spec.name();
                Err(ResolveError::unanswered(Action::Find, name, self.deadline, looked).into())
            }
            Err(None) => {
                // A lookup that was cut short proves too little: a proxy may have sent the request twice, and the first one may appear
                // later.
                if !maybe_ours && !self.deadline.is_over() {
                    self.session.ticket.forget();
                }
                let id = match attempt.id() {
                    Some(id) => id.clone(),
                    None => return Err(self.unknown(attempt, error)),
                };
                // This request was refused, but an earlier one may have taken effect, or may still be in progress on the server.
                attempt.sent = before;
                if maybe_ours {
                    return Err(self.unknown(attempt, error));
                }
                if !error.is_already_there() {
                    let name = attempt.spec.name();
                    return Err(ResolveError::rejected(Action::Create, name, error).into());
                }
                // Advice to delete it needs all of the time in which one that exists is shown.
                if self.deadline.is_over() {
                    let name = attempt.spec.name();
                    return Err(ResolveError::unanswered(
                        Action::Create,
                        name,
                        self.deadline,
                        error,
                    )
                    .into());
                }
                Err(ResolveError::Burnt { id, source: error }.into())
            }
        }
    }

    async fn settle(
        &self,
        attempt: &mut CreateAttempt,
        error: ClientError,
    ) -> Result<CreateOutcome, Error> {
        let settled = self
            .look_until(attempt, self.session.options.settle_timeout)
            .await;
        match self.adopted(attempt, settled, true)? {
            Ok(outcome) => Ok(outcome),
            Err(_) => Err(self.unknown(attempt, error)),
        }
    }

    async fn look_once(&self, attempt: &mut CreateAttempt) -> Result<Option<CreateOutcome>, Error> {
        let settled = look(
            &self.session.requester.client_within(self.deadline),
            attempt,
            self.claims(),
            self.deadline,
        )
        .await;
        let settled = settled.unwrap_or_else(SettleOutcome::Failed);
        Ok(self.adopted(attempt, settled, true)?.ok())
    }

    /// Looks once for another submitter's pipeline under the id of a refused `PUT`: servers differ in how they report that it exists.
    async fn rivals(
        &self,
        attempt: &mut CreateAttempt,
        error: &ClientError,
    ) -> Result<Option<CreateOutcome>, Error> {
        let status = error.status();
        let may_mean_it = matches!(status, Some(StatusCode::BAD_REQUEST | StatusCode::CONFLICT));
        if attempt.id().is_none() || !may_mean_it || error.is_invalid_query() {
            return Ok(None);
        }
        let deadline = self.deadline.within(LOOK);
        let client = self.session.requester.client_within(&deadline);
        match look(&client, attempt, self.claims(), &deadline).await {
            Ok(found @ SettleOutcome::Found(_)) => Ok(self.adopted(attempt, found, false)?.ok()),
            // A refused create without a pipeline made nothing; the server's message is more useful than how the lookup ended.
            _ => Ok(None),
        }
    }

    fn claims(&self) -> Claims<'_> {
        Claims {
            registry: self.session.ticket.registry(),
            server: self.session.requester.server(),
            by: self.session.ticket.id(),
        }
    }

    async fn look_until(&self, attempt: &CreateAttempt, timeout: Duration) -> SettleOutcome {
        let deadline = self.deadline.within(timeout);
        settle(&self.session.requester, attempt, self.claims(), deadline).await
    }

    /// The pipeline that was found; the inner error means that none was, and why.
    fn adopted(
        &self,
        attempt: &mut CreateAttempt,
        settled: SettleOutcome,
        maybe_ours: bool,
    ) -> Result<Result<CreateOutcome, Option<ClientError>>, Error> {
        match settled {
            SettleOutcome::Found(pipeline) => {
                // One of ours stays in doubt until it is taken over: a try that fails on the way there must not decide anew.
                if !maybe_ours {
                    attempt.sent = Sent::Nothing;
                }
                self.session.found(&pipeline.id, maybe_ours);
                Ok(Ok(CreateOutcome::Adopted {
                    pipeline,
                    started_here: maybe_ours,
                }))
            }
            SettleOutcome::Conflict(pipeline) => {
                // The id belongs to another pipeline, so no create of ours has used it.
                attempt.sent = Sent::Nothing;
                self.session.ticket.forget();
                Err(ResolveError::Conflict {
                    id: pipeline.id,
                    name: pipeline.name,
                }
                .into())
            }
            SettleOutcome::Ambiguous(pipelines) => Err(ResolveError::ambiguous(&pipelines).into()),
            SettleOutcome::Absent => Ok(Err(None)),
            SettleOutcome::Failed(error) => Ok(Err(Some(error))),
        }
    }

    /// It is not known what became of the create.
    pub(crate) fn unknown(&self, attempt: &CreateAttempt, error: ClientError) -> Error {
        ResolveError::OutcomeUnknown {
            name: attempt.spec.name().to_owned(),
            id: attempt.id().cloned(),
            url: self.session.requester.url(),
            since: attempt.since,
            source: error,
        }
        .into()
    }
}

/// How often a `PUT` in doubt is repeated under its id before its outcome is reported as unknown.
const PUT_TRIES: u32 = 5;
