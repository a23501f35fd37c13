//! Waiting until a job is Running.

use stepwell_arroyo::{Job, JobId, PipelineId};
use tokio::time::Instant;

use super::{
    PollInterval, WaitError,
    verdict::{Baseline, Verdict},
    watch::Watch,
    watch_to_end::{look, read_end},
};
use crate::{
    error::Error,
    observe::Step,
    session::{Deadline, Session, after},
};

/// Polls the job until it is Running in the run that counts.
pub(crate) async fn wait_until_running(
    session: &Session,
    id: &PipelineId,
    baseline: &Baseline,
    deadline: &Deadline,
) -> Result<Job, Error> {
    let stable_for = session.options.stable_for.unwrap_or_default();
    let mut baseline = baseline.clone();
    let mut watch = Watch::of(session, id, Step::Wait, deadline, baseline.expected());
    let mut interval = PollInterval::to_running();
    let mut steady = session.requester.poll_pace();
    let jitter = &session.requester.jitter;
    // Since when the job has been Running, and in which run of which job: a pipeline that was created again under its id restarts at the
    // same run.
    let mut running: Option<(JobId, u64, Instant)> = None;
    let mut has_run = false;
    loop {
        let mut next = None;
        // What a reply shows was true at some time between these two instants.
        let asked = Instant::now();
        if let Some(job) = look(&mut watch).await? {
            let told = Instant::now();
            interval.saw(&job);
            let verdict = baseline.verdict(&job);
            let counts_at = match verdict {
                Verdict::Ended => {
                    let trouble = watch.trouble();
                    return Err(read_end(session, id, job, trouble)
                        .await
                        .into_error()
                        .into());
                }
                Verdict::Running => Some(asked),
                Verdict::RunningIfUnchangedUntil(at) => Some(at),
                Verdict::Pending => None,
            };
            if let Some(counts_at) = counts_at {
                has_run |= verdict == Verdict::Running;
                let since = match &running {
                    Some((id, run_id, since)) if *id == job.id && *run_id == job.run_id => *since,
                    _ => told,
                };
                running = Some((job.id.clone(), job.run_id, since));
                let stable_at = if stable_for.is_zero() {
                    asked
                } else {
                    after(since, stable_for)
                };
                let at = stable_at.max(counts_at);
                if at <= asked {
                    if job.tasks == Some(0) {
                        return Err(WaitError::NoTasks {
                            id: id.clone(),
                            job: Box::new(job),
                        }
                        .into());
                    }
                    return Ok(job);
                }
                let pause = match verdict {
                    // It is Running, and only has to stay so.
                    Verdict::Running => steady.pause(jitter),
                    _ => interval.pause(jitter),
                };
                // No later than the time from which a poll counts.
                next = Some(pause.min(at.saturating_duration_since(told)));
            } else {
                running = None;
            }
        }
        if deadline.is_over() {
            return Err(WaitError::Deadline {
                id: id.clone(),
                elapsed: deadline.elapsed(),
                trouble: watch.trouble(),
                not_stable_for: has_run.then_some(stable_for),
                source: Box::new(watch.take_last_seen()),
            }
            .into());
        }
        let next = next.unwrap_or_else(|| interval.pause(jitter));
        watch.sleep(next.max(watch.retry_pause())).await;
    }
}
