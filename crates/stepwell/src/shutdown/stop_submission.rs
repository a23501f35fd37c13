//! Stops the pipeline of one submission.

use std::sync::atomic::Ordering;

use stepwell_arroyo::{JobState, PipelineId};

use super::{
    StopPolicy,
    stop_error::StopError,
    stop_pipeline::{Ending, Stop},
};
use crate::{
    error::Error,
    job::verdict::Baseline,
    session::{Deadline, Session},
};

/// Stops the pipeline. It is an error if the pipeline ended in another way.
pub(crate) async fn stop(
    session: &Session,
    id: &PipelineId,
    policy: &StopPolicy,
    baseline: &Baseline,
    deadline: &Deadline,
) -> Result<Ending, Error> {
    let stop = Stop {
        escalations: &policy.escalations,
        ..Stop::of(session, id, policy.mode.clone(), baseline, *deadline)
    };
    session.stops.store(true, Ordering::Relaxed);
    let ending = Box::pin(stop.run()).await.inspect_err(|_| {
        // It may keep running.
        session.stops.store(false, Ordering::Relaxed);
    })?;
    session.ticket.has_ended(&ending.job);
    if ending.job.state == JobState::Stopped {
        return Ok(ending);
    }
    Err(StopError::EndedOtherwise {
        id: id.clone(),
        job: Box::new(ending.job),
    }
    .into())
}
