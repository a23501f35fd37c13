//! Stopping the pipeline of one submission.

use std::{pin::pin, sync::atomic::Ordering};

use stepwell_arroyo::JobState;

use super::{
    stop_error::StopError,
    stop_pipeline::{Ending, Stop},
};
use crate::{
    error::Error,
    observe::Step,
    session::{Deadline, Session},
    state::{Registered, State},
    submission::Submission,
};

/// The step `stop` of a submission, in whichever state it is.
pub(crate) async fn stop<S: State>(
    submission: &Submission<S>,
    registered: &Registered,
) -> Result<Ending, Error> {
    let deadline = submission.session.deadline(Step::Stop);
    let work = pin!(stop_registered(&submission.session, registered, &deadline));
    submission.carry_out(Step::Stop, &deadline, work).await
}

/// Stops it as the options say; that it ended otherwise is an error.
async fn stop_registered(
    session: &Session,
    registered: &Registered,
    deadline: &Deadline,
) -> Result<Ending, Error> {
    let (id, baseline) = (&registered.pipeline.id, &registered.baseline);
    let mode = session.options.stop_mode.clone();
    let stop = Stop::of(session, id, mode, baseline, *deadline);
    session.stops.store(true, Ordering::Relaxed);
    let ending = stop.run().await.inspect_err(|_| {
        // It may run on.
        session.stops.store(false, Ordering::Relaxed);
    })?;
    session.ticket.forget();
    if ending.job.state == JobState::Stopped {
        return Ok(ending);
    }
    Err(StopError::EndedOtherwise {
        id: id.clone(),
        job: Box::new(ending.job),
    }
    .into())
}
