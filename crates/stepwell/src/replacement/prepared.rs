//! Prepared: the new query is valid, and the old pipeline is another one. Nothing was touched.

use std::{fmt, sync::Arc, time::Duration};

use stepwell_arroyo::{Job, JobState, PipelineId};

use super::{
    FoundAs, MeantToRun, Old, OldStopped, Replacement, ReplacementError, ReplacementFailure,
    ReplacementOptions,
    old::{is_over, read_job},
    roll_back::NewSoFar,
    sealed::Sealed,
};
use crate::{
    attach::read_pipeline,
    error::{Error, StopError},
    observe::Step,
    resolve::Plan,
    session::need_runtime,
    spec::Intent,
    state::{Registered, Validated},
    submission::Submission,
};

/// The new query is valid, and the old pipeline is another one. Nothing was touched.
///
/// Leaves by: [`stop_old`](Replacement::stop_old), [`roll_back`](Replacement::roll_back); [`run`](Replacement::run) takes all steps.
pub struct Prepared {
    pub(super) new: Submission<Validated>,
    /// Whether the new one was seen to be absent.
    pub(super) is_absent: bool,
}

impl Sealed for Prepared {
    const NAME: &'static str = "Prepared";

    fn new_id(&self) -> Option<&PipelineId> {
        None
    }

    fn into_new(self) -> NewSoFar {
        NewSoFar::validated(self.new)
    }
}

/// # Validated, to replace another pipeline
impl Submission<Validated> {
    /// Prepares to put this query in the place of the `old` pipeline, which may be Registered or Running. Only reads.
    ///
    /// Both must have the same server and the same [`Shutdown`](crate::Shutdown), and the spec must not find the old pipeline. The old one
    /// does not count among the other pipelines beside which `resolve` refuses to create. The new one inherits its
    /// [`OnShutdown`](crate::OnShutdown).
    ///
    /// # Errors
    ///
    /// [`ReplacementError::Apart`], [`ReplacementError::SamePipeline`], [`ReplacementError::New`] if the new one would not be resolved
    /// ([`plan`](Submission::plan)), and [`ReplacementError::Old`] if the old one cannot be read. Hands back both.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads. The submissions are lost with the future.
    pub async fn replace(
        self,
        old: impl Into<Submission<Registered>>,
        options: ReplacementOptions,
    ) -> Result<Replacement<Prepared>, NotPrepared> {
        let old = old.into();
        let found_as = match look(&self, &old).await {
            Ok(job) => FoundAs::of(&old.session, job.as_ref()),
            Err(error) => return Err(NotPrepared(Box::new((error, self, old)))),
        };
        prepare(self, old, found_as, options).await
    }
}

/// Prepares, unless the new one would not be resolved: that is told before anything is touched. The old one is known by now, so it is none
/// of the others.
pub(super) async fn prepare(
    new: Submission<Validated>,
    old: Submission<Registered>,
    found_as: FoundAs,
    options: ReplacementOptions,
) -> Result<Replacement<Prepared>, NotPrepared> {
    let planned = new.plan().await;
    let is_absent = matches!(planned, Ok(Plan::Create { .. }));
    let Err(source) = planned else {
        return Ok(Replacement::prepared(
            new, old, found_as, options, is_absent,
        ));
    };
    let existing = source.pipeline_id().cloned();
    let meant_to_run = match found_as {
        FoundAs::Running => MeantToRun::Old,
        FoundAs::Ended if existing.is_some() => MeantToRun::Unknown,
        FoundAs::Ended => MeantToRun::Neither,
    };
    let error = ReplacementError::New {
        new: existing,
        meant_to_run,
        source: Box::new(source),
    };
    Err(NotPrepared(Box::new((error, new, old))))
}

impl Replacement<Prepared> {
    pub(super) fn prepared(
        new: Submission<Validated>,
        old: Submission<Registered>,
        found_as: FoundAs,
        options: ReplacementOptions,
        is_absent: bool,
    ) -> Self {
        new.session.inherit(old.session.on_shutdown());
        Self {
            old: Old::Registered(old),
            found_as,
            options,
            state: Prepared { new, is_absent },
        }
    }
}

/// Reads the old pipeline, and returns its job, if the new spec may replace it.
pub(super) async fn look(
    new: &Submission<Validated>,
    old: &Submission<Registered>,
) -> Result<Option<Job>, ReplacementError> {
    let id = old.id();
    let same_server = new.session.requester.server() == old.session.requester.server();
    let registries = (
        &new.session.shutdown.registry,
        &old.session.shutdown.registry,
    );
    if !same_server || !Arc::ptr_eq(registries.0, registries.1) {
        return Err(ReplacementError::Apart { old: id.clone() });
    }
    let failed = |source| ReplacementError::Old {
        old: id.clone(),
        meant_to_run: MeantToRun::Unknown,
        source: Box::new(source),
    };
    need_runtime().map_err(failed)?;
    let deadline = old.session.deadline(Step::Attach);
    let read = read_pipeline(&old.session, id, &deadline).await;
    let pipeline = read.map_err(failed)?;
    let spec = &new.state.spec;
    let is_asked_for = matches!(spec.intent(), Intent::Resume(asked) if asked == id);
    if pipeline.query == spec.query() || spec.id().as_ref() == Some(id) || is_asked_for {
        return Err(ReplacementError::SamePipeline { old: id.clone() });
    }
    read_job(&old.session, id).await.map_err(failed)
}

/// # Prepared
impl Replacement<Prepared> {
    /// Stops the old pipeline with a final checkpoint. One that has stopped, failed or finished is left as it is. For one that is starting it
    /// first waits until that is Running, for at most [`Options::resolve_timeout`](crate::Options::resolve_timeout), because a stop before
    /// that takes no checkpoint.
    ///
    /// # Errors
    ///
    /// [`ReplacementError::NoFinalCheckpoint`] if it stopped without one, unless
    /// [`ReplacementOptions::with_without_checkpoint`] allows that; [`ReplacementError::Old`] if it was not seen stopped, and if a shutdown
    /// has begun, under which the new one could not be started: nothing is sent then.
    ///
    /// # Cancel safety
    ///
    /// A stop that was sent takes effect even if the future is dropped. A rerun ([`Replacement::resume`]) goes on.
    pub async fn stop_old(
        mut self,
    ) -> Result<Replacement<OldStopped>, ReplacementFailure<Prepared>> {
        let (old, stopped) = stop(self.old, &mut self.found_as, &self.options).await;
        self.old = old;
        match stopped {
            Ok(()) => {
                Ok(self.into_state(|prepared| OldStopped::new(prepared.new, prepared.is_absent)))
            }
            Err(error) => self.fails(error),
        }
    }
}

/// Stops the old pipeline, and returns it in its new state. Corrects how it was found, if it was started or has finished since.
async fn stop(
    old: Old,
    found_as: &mut FoundAs,
    options: &ReplacementOptions,
) -> (Old, Result<(), ReplacementError>) {
    let registered = match old {
        Old::Registered(registered) => registered,
        Old::StoppedWithoutCheckpoint(stopped) => return is_enough(stopped, options),
        Old::Stopped(_) | Old::Gone(_) => return (old, Ok(())),
    };
    let id = registered.id().clone();
    if *found_as == FoundAs::Ended {
        // Another client may have started it since.
        match read_job(&registered.session, &id).await {
            Ok(job) if is_over(&registered.session, job.as_ref()) => {
                return (Old::Registered(registered), Ok(()));
            }
            Ok(_) => *found_as = FoundAs::Running,
            Err(error) => return (Old::Registered(registered), Err(failed(id, error))),
        }
    }
    let registered = once_running(registered).await;
    // The new one could not be started any more.
    if registered.session.shutdown.is_begun() {
        let error = failed(id, Error::ShutdownBegun);
        return (Old::Registered(registered), Err(error));
    }
    match registered.stop_with(&options.stop_policy).await {
        Ok(stopped) => is_enough(stopped, options),
        Err(failure) => {
            let (error, registered) = failure.into_parts();
            let old = Old::Registered(registered);
            match error {
                // All of its input is processed.
                Error::Stop {
                    source: StopError::EndedOtherwise { job, .. },
                } if job.state == JobState::Finished => {
                    *found_as = FoundAs::Ended;
                    (old, Ok(()))
                }
                Error::Stop {
                    source: StopError::EndedOtherwise { .. },
                } if options.without_checkpoint => (old, Ok(())),
                error => (old, Err(failed(id, error))),
            }
        }
    }
}

/// Waits for a job that is starting: a stop before it runs takes no checkpoint. Whatever comes of it, it is stopped then.
async fn once_running(old: Submission<Registered>) -> Submission<Registered> {
    let deadline = old.session.deadline(Step::Resolve);
    let is_ready = |job: Job| job.state == JobState::Running || !job.running_desired;
    // What cannot be read is for the stop to deal with.
    if old
        .read_job()
        .await
        .map_or(true, |job| job.is_some_and(is_ready))
    {
        return old;
    }
    match old.wait_within(Duration::ZERO, deadline).await {
        Ok(running) => running.into_registered(),
        Err(failure) => failure.into_submission(),
    }
}

/// Whether the old pipeline has stopped as it should.
fn is_enough(
    stopped: Submission<crate::state::Stopped>,
    options: &ReplacementOptions,
) -> (Old, Result<(), ReplacementError>) {
    let final_checkpoint = stopped.final_checkpoint();
    if options.without_checkpoint || final_checkpoint == Some(true) {
        return (Old::Stopped(stopped), Ok(()));
    }
    let error = ReplacementError::NoFinalCheckpoint {
        old: stopped.id().clone(),
        is_known: final_checkpoint.is_some(),
    };
    (Old::StoppedWithoutCheckpoint(stopped), Err(error))
}

/// The error for a stop that was not seen to end as it should.
fn failed(old: PipelineId, error: Error) -> ReplacementError {
    let meant_to_run = match &error {
        Error::Stop { source } => match source {
            StopError::Deadline { .. } => MeantToRun::Unknown,
            StopError::EndedOtherwise { .. } | StopError::Vanished { .. } => MeantToRun::Neither,
            _ if error.phase() == stepwell_transport::Phase::MaybeSent => MeantToRun::Unknown,
            _ => MeantToRun::Old,
        },
        Error::ShutdownBegun => MeantToRun::Old,
        _ => MeantToRun::Unknown,
    };
    ReplacementError::Old {
        old,
        meant_to_run,
        source: Box::new(error),
    }
}

/// A replacement that could not be prepared, with both submissions.
#[must_use]
pub struct NotPrepared(
    Box<(
        ReplacementError,
        Submission<Validated>,
        Submission<Registered>,
    )>,
);

impl NotPrepared {
    /// The error.
    pub fn error(&self) -> &ReplacementError {
        &self.0.0
    }

    /// The error; the submissions are dropped.
    pub fn into_error(self) -> ReplacementError {
        self.0.0
    }

    /// The error, the new and the old submission.
    pub fn into_parts(
        self,
    ) -> (
        ReplacementError,
        Submission<Validated>,
        Submission<Registered>,
    ) {
        *self.0
    }
}

impl From<NotPrepared> for Error {
    fn from(failure: NotPrepared) -> Self {
        failure.into_error().into()
    }
}

impl fmt::Debug for NotPrepared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NotPrepared")
            .field("error", &self.0.0)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for NotPrepared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), formatter)
    }
}

impl std::error::Error for NotPrepared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().source()
    }
}
