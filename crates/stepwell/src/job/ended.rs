//! The end of a job.

use std::time::Duration;

use stepwell_arroyo::{Job, JobError, JobState, PipelineId};

use super::{
    Trouble, WaitError,
    verdict::Baseline,
    watch::{Look, Watch},
};
use crate::{
    error::Error,
    observe::Step,
    session::{Deadline, Session},
};

/// The end of a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The pipeline.
    pub id: PipelineId,
    /// The job at its end: Stopped, Finished or Failed.
    pub job: Job,
    /// The errors that a failed job has logged, newest first.
    pub errors: Vec<JobError>,
    /// The trouble that the job was in until then.
    pub trouble: Option<Trouble>,
}

impl Ended {
    /// The end as the error that it is for somebody who wanted the job to go on.
    pub fn into_error(self) -> WaitError {
        WaitError::of_end(self)
    }
}

/// Whether it has come to an end: a job that is Stopped and meant to run is about to start again.
pub(crate) fn has_ended(job: &Job) -> bool {
    match job.state {
        JobState::Finished | JobState::Failed => true,
        JobState::Stopped => !job.running_desired,
        _ => false,
    }
}

/// Whether it has ended and stays so: nothing that was asked of the server starts it again.
pub(crate) fn stays_ended(job: &Job) -> bool {
    has_ended(job) && !job.running_desired
}

/// Looks once; `None` when that failed in a way that may pass, or there is no job yet.
pub(super) async fn look(watch: &mut Watch) -> Result<Option<Job>, WaitError> {
    match watch.look().await {
        Look::Job(job) => Ok(Some(job)),
        Look::NoJob | Look::Failed => Ok(None),
        Look::Vanished => Err(WaitError::Vanished {
            id: watch.id().clone(),
        }),
        Look::Rejected(error) => Err(WaitError::Rejected {
            id: watch.id().clone(),
            source: Box::new(error),
        }),
    }
}

/// Watches the job until it has ended. It has no deadline, for a stream has none.
pub(crate) async fn watch_to_the_end(
    session: &Session,
    id: &PipelineId,
    baseline: &Baseline,
) -> Result<Ended, Error> {
    let deadline = Deadline::new(Duration::MAX);
    let mut watch = Watch::of(session, id, Step::Wait, &deadline, baseline.expected());
    let mut pace = session.requester.poll_pace();
    let longest_silence = session.options.silence_timeout;
    loop {
        if let Some(job) = look(&mut watch).await?.filter(has_ended) {
            return Ok(read_end(session, id, job, watch.trouble()).await);
        }
        if watch.silence() >= longest_silence {
            return Err(WaitError::Silence {
                id: id.clone(),
                silence: watch.silence(),
                trouble: watch.trouble(),
                source: Box::new(watch.take_last_seen()),
            }
            .into());
        }
        // However long the server asks for, it is silent when the time for that is over.
        let left = longest_silence.saturating_sub(watch.silence());
        let pause = pace.pause(&session.requester.jitter);
        watch.sleep(pause.max(watch.retry_pause().min(left))).await;
    }
}

/// The end of a job, with what it has logged if it failed. The shutdown need not stop what has ended.
pub(super) async fn read_end(
    session: &Session,
    id: &PipelineId,
    job: Job,
    trouble: Option<Box<Trouble>>,
) -> Ended {
    session.ticket.forget();
    let errors = if job.state == JobState::Failed {
        let client = session.requester.client_for_a_write();
        // The reason is in the job; what it has logged is an extra.
        client.job_errors(id, &job.id).await.unwrap_or_default()
    } else {
        Vec::new()
    };
    Ended {
        id: id.clone(),
        job,
        errors,
        trouble: trouble.map(|trouble| *trouble),
    }
}
