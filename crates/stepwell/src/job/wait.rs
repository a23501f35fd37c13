//! Waiting until a job is Running.

use std::time::Duration;

use stepwell_arroyo::{Job, JobId, PipelineId};
use tokio::time::Instant;

use super::{
    PollInterval, WaitError,
    verdict::{Baseline, TWO_TICKS, Verdict},
    watch::Watch,
    watch_to_end::{look, read_end},
};
use crate::{
    error::Error,
    observe::Step,
    session::{Deadline, Session, after},
};

/// A run of a job, and since when it has been Running. The run id alone would not do: a pipeline that was created again under its id begins
/// with the same one, and a job that has started again between two polls shows it by its times.
#[derive(PartialEq, Eq)]
struct Run {
    job: JobId,
    number: u64,
    started: Option<u64>,
    finished: Option<u64>,
}

impl Run {
    fn of(job: &Job) -> Self {
        Self {
            job: job.id.clone(),
            number: job.run_id,
            started: job.start_time,
            finished: job.finish_time,
        }
    }
}

/// Polls the job until it is Running in the run that counts.
pub(crate) async fn wait_until_running(
    session: &Session,
    id: &PipelineId,
    baseline: &Baseline,
    stable_for: Duration,
    deadline: &Deadline,
) -> Result<Job, Error> {
    let mut baseline = baseline.clone();
    let mut watch = Watch::of(session, id, Step::Wait, deadline, baseline.expected());
    let mut interval = PollInterval::to_running();
    let mut steady = session.requester.poll_pace_within_a_tick();
    let jitter = &session.requester.jitter;
    let mut running: Option<(Run, Instant)> = None;
    let mut interruptions = 0_u32;
    let mut first_told = None;
    let mut has_run = false;
    loop {
        let mut next = None;
        // What a reply shows was true at some time between these two instants.
        let asked = Instant::now();
        if let Some(job) = look(&mut watch).await? {
            let told = Instant::now();
            // While no look succeeds, the controller may be away, too: its two ticks begin with the first one.
            let first_told = *first_told.get_or_insert(told);
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
                Verdict::RunningIfUnchangedUntil(at) => Some(at.max(first_told + TWO_TICKS)),
                Verdict::Pending => None,
            };
            if let Some(counts_at) = counts_at {
                has_run |= verdict == Verdict::Running;
                let run = Run::of(&job);
                let since = match &running {
                    Some((same, since)) if *same == run => *since,
                    Some(_) => {
                        interruptions += 1;
                        told
                    }
                    None => told,
                };
                running = Some((run, since));
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
                    session.ticket.runs();
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
                interruptions += u32::from(running.take().is_some());
            }
        }
        if deadline.is_over() {
            return Err(WaitError::Deadline {
                id: id.clone(),
                elapsed: deadline.elapsed(),
                trouble: watch.trouble(),
                not_stable_for: has_run.then_some(stable_for),
                interruptions,
                source: Box::new(watch.take_last_seen()),
            }
            .into());
        }
        let next = next.unwrap_or_else(|| interval.pause(jitter));
        watch.sleep(next.max(watch.retry_pause())).await;
    }
}
