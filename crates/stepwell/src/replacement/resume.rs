//! Going on with a replacement after a failure, or in another process.

use std::{sync::Arc, time::Duration};

use stepwell_arroyo::{JobState, PipelineId};
use stepwell_transport::{SharedTransport, Transport};

use super::{
    FoundAs, Old, OldStopped, Prepared, Replacement, ReplacementError, ReplacementOptions,
    prepared::{look, prepare},
};
use crate::{
    error::{AttachError, Error, ResolveError},
    options::Options,
    resolve::Plan,
    session::{Deadline, retry::GONE_AFTER},
    shutdown::Shutdown,
    spec::{Intent, PipelineSpec},
    state::{Registered, Running, Validated},
    submission::Submission,
};

/// The pause between two attempts to find an old pipeline that the server does not show.
const PAUSE: Duration = Duration::from_millis(500);

/// A replacement in the state that the server shows.
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub enum ReplacementResumed {
    /// The old pipeline runs.
    Prepared(Replacement<Prepared>),
    /// The old pipeline has ended, or is gone and the new one is there.
    OldStopped(Replacement<OldStopped>),
}

impl ReplacementResumed {
    /// Takes all further steps: see [`Replacement::<Prepared>::run`].
    ///
    /// # Errors
    ///
    /// As [`Replacement::<Prepared>::run`].
    ///
    /// # Cancel safety
    ///
    /// As [`Replacement::<Prepared>::run`].
    pub async fn run(self) -> Result<Submission<Running>, ReplacementError> {
        match self {
            Self::Prepared(replacement) => Box::pin(replacement.run()).await,
            Self::OldStopped(replacement) => Box::pin(replacement.run()).await,
        }
    }
}

/// # Again
impl Replacement<Prepared> {
    /// Goes on with a replacement, whatever became of it: call it with the same old id and the same spec. It also begins one. Only reads.
    ///
    /// | old | new | the state |
    /// |---|---|---|
    /// | running | absent | [`Prepared`] |
    /// | running | there | [`Prepared`]: the old one is stopped, and the new one is resumed and proved |
    /// | ended | absent or there | [`OldStopped`]: the new one is created, or resumed and proved. That the old one may have made no final checkpoint is no error any more |
    /// | gone | there | [`OldStopped`]: the new one is proved, and nothing has to be deleted |
    /// | gone | absent | [`ReplacementError::OldGone`] |
    ///
    /// If the new one cannot be resolved, that is told at once while the old one runs, and otherwise by the next step, after which the old
    /// one can be put back. An old pipeline that is found Stopped counts as stopped by the replacement that was cut short, so a roll-back
    /// starts it. An [`Intent::CreateOnly`] is taken for [`Intent::ResumeOrCreate`], because the new one may be there.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Submission::connect), [`validate`](Submission::validate), [`attach`](Submission::attach) and
    /// [`replace`](Submission::replace).
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn resume(
        transport: impl Transport,
        old: PipelineId,
        spec: PipelineSpec,
        shutdown: &Shutdown,
        options: Options,
        replacement: ReplacementOptions,
    ) -> Result<ReplacementResumed, Error> {
        let transport = transport.into_shared();
        let spec = match spec.intent() {
            Intent::CreateOnly => spec.with_intent(Intent::ResumeOrCreate),
            _ => spec,
        };
        let new = Submission::builder(transport.clone(), spec)
            .options(options.clone())
            .shutdown(shutdown)
            .build();
        let new = new.connect().await?.validate().await?;
        match Box::pin(find_old(&transport, &old, shutdown, &options)).await? {
            Some(found) => Box::pin(with_old(new, found, replacement)).await,
            None => Box::pin(without_old(new, old, replacement)).await,
        }
    }
}

/// Attaches to the old pipeline; `None` if the server has not known it for ten seconds, in which a node that lags behind would have caught up.
async fn find_old(
    transport: &SharedTransport,
    id: &PipelineId,
    shutdown: &Shutdown,
    options: &Options,
) -> Result<Option<Submission<Registered>>, Error> {
    let patience = Deadline::new(GONE_AFTER);
    loop {
        let attached =
            Submission::attach(transport.clone(), id.clone(), shutdown, options.clone()).await;
        match attached {
            Ok(old) => return Ok(Some(old)),
            Err(Error::Attach {
                source: AttachError::NotFound { .. },
            }) => {
                if patience.is_over() {
                    return Ok(None);
                }
                patience.sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn with_old(
    new: Submission<Validated>,
    old: Submission<Registered>,
    options: ReplacementOptions,
) -> Result<ReplacementResumed, Error> {
    let job = look(&new, &old).await?;
    if FoundAs::of(&old.session, job.as_ref()) == FoundAs::Running {
        let prepared = prepare(new, old, FoundAs::Running, options).await?;
        return Ok(ReplacementResumed::Prepared(prepared));
    }
    let is_stopped = job.is_some_and(|job| job.state == JobState::Stopped);
    let found_as = if is_stopped {
        FoundAs::Running
    } else {
        FoundAs::Ended
    };
    // If the new one cannot be resolved, the next step says so, and the old one can be put back.
    let prepared = Replacement::prepared(new, old, found_as, options, false);
    let stopped = prepared.into_state(|prepared| OldStopped::new(prepared.new, prepared.is_absent));
    Ok(ReplacementResumed::OldStopped(stopped))
}

async fn without_old(
    mut new: Submission<Validated>,
    old: PipelineId,
    options: ReplacementOptions,
) -> Result<ReplacementResumed, Error> {
    let gone = |old| ReplacementError::OldGone { old, new: None }.into();
    match new.plan().await {
        Ok(Plan::Resume { .. }) => {}
        Ok(_)
        | Err(Error::Resolve {
            source:
                ResolveError::OtherPipelines { .. }
                | ResolveError::NoneWithId { .. }
                | ResolveError::NothingToResume { .. },
        }) => return Err(gone(old)),
        Err(error) => return Err(error),
    }
    // It creates nothing, even if the new one is deleted meanwhile.
    new.state.spec = Arc::new(new.state.spec.with_intent(Intent::ResumeOnly));
    Ok(ReplacementResumed::OldStopped(Replacement {
        old: Old::Gone(old),
        found_as: FoundAs::Ended,
        options,
        state: OldStopped::new(new, false),
    }))
}
