//! Watches a job until it ends, and reads how it ended.

use stepwell_arroyo::{Job, JobState, PipelineId};

use super::{
    Ended, Trouble, WaitError,
    ended::has_ended,
    shared_look::SharedLook,
    verdict::Baseline,
    watch::{Look, Watch},
};
use crate::{error::Error, observe::Step, session::Session};

/// Polls once; `None` if that failed in a way that may be temporary, or there is no job yet.
pub(super) async fn look(watch: &mut Watch) -> Result<Option<Job>, WaitError> {
    let look = watch.look().await;
    job_of(look, watch)
}

fn job_of(look: Look, watch: &Watch) -> Result<Option<Job>, WaitError> {
    match look {
        Look::Job(job) => Ok(Some(job)),
        Look::NoJob | Look::Failed => Ok(None),
        Look::Vanished => Err(WaitError::Vanished {
            id: watch.id().clone(),
        }),
        Look::Rejected(error) => Err(WaitError::Rejected {
            id: watch.id().clone(),
            source: error,
        }),
    }
}

/// Watches the job until it has ended. There is no deadline, because a streaming job may run forever. What runs steadily is observed
/// together with what other waits watch over the same transport.
pub(crate) async fn watch_to_the_end(
    session: &Session,
    id: &PipelineId,
    baseline: &Baseline,
    mut counts: impl FnMut(&Job) -> bool + Send,
) -> Result<Ended, Error> {
    let deadline = session.deadline(Step::Watch);
    let mut watch = Watch::of(session, id, Step::Watch, &deadline, baseline.expected());
    let mut shared = SharedLook::new(&session.requester);
    let mut pace = session.requester.poll_pace();
    let longest_silence = session.options.silence_timeout;
    loop {
        // A poll that hangs is silence too, also when the calls before this one were dropped in the middle of theirs.
        let left = longest_silence.saturating_sub(watch.silence());
        if let Ok(looked) = tokio::time::timeout(left, shared.look(&mut watch, left)).await
            && let Some(job) = job_of(looked, &watch)?.filter(|job| has_ended(job) && counts(job))
        {
            return Ok(read_end(session, id, job, watch.trouble()).await);
        }
        if watch.silence() >= longest_silence {
            let silence = watch.silence();
            // The next call listens anew.
            watch.heard();
            return Err(WaitError::Silence {
                id: id.clone(),
                silence,
                trouble: watch.trouble(),
                source: Box::new(watch.take_last_seen()),
            }
            .into());
        }
        // `Retry-After` does not extend the silence timeout.
        let left = longest_silence.saturating_sub(watch.silence());
        let pause = pace.pause(&session.requester.jitter);
        let pause = pause.max(watch.retry_pause().min(left));
        shared.sleep(&mut watch, pause).await;
    }
}

/// How the job ended, with its logged errors if it failed. The shutdown need not stop a job that has ended.
pub(super) async fn read_end(
    session: &Session,
    id: &PipelineId,
    job: Job,
    trouble: Option<Box<Trouble>>,
) -> Ended {
    session.ticket.has_ended(&job);
    let errors = if job.state == JobState::Failed {
        let client = session.requester.client_for_a_write();
        // The reason is in the job; the log is optional.
        client.job_errors(id, &job.id).await.unwrap_or_default()
    } else {
        Vec::new()
    };
    Ended {
        id: id.clone(),
        job,
        errors,
        trouble: trouble.map(|trouble| *trouble),
        is_told_to_stop: session.sight.is_told_to_stop(),
    }
}
