//! How a job reacts to the events of its workers.

use std::time::Duration;

use stepwell_arroyo::{ErrorDomain, FailureReason, JobError, JobState};

use crate::{
    Environment, Generation, Options, Scheduler, WorkerEvent,
    controller::{drop_in_flight, over, stopped},
    generation::TEARING_DOWN,
    history,
    record::JobRecord,
};

/// The maximum number of entries kept in a job's log.
const ERRORS: usize = 200;

/// The maximum number of checkpoints shown for a job.
const CHECKPOINTS: usize = 200;

/// Applies an event of the current run.
pub(crate) fn take_in(
    job: &mut JobRecord,
    event: WorkerEvent,
    environment: &mut dyn Environment,
    options: &Options,
) {
    let now = environment.now();
    match event {
        WorkerEvent::Started { tasks, .. } => {
            if *job.state() != JobState::Scheduling {
                return;
            }
            job.shown.state = JobState::Running;
            if !std::mem::take(&mut job.keep_start_time) || job.shown.start_time.is_none() {
                job.shown.start_time = Some(now);
            }
            job.shown.finish_time = None;
            job.shown.tasks = Some(tasks);
            job.last_checkpoint = now;
        }
        WorkerEvent::CheckpointStored { epoch, .. } => stored(job, epoch, now),
        WorkerEvent::CheckpointFailed { epoch, .. } => {
            if job
                .in_flight
                .is_some_and(|in_flight| in_flight.epoch == epoch)
            {
                drop_in_flight(job, options.generation);
            }
        }
        WorkerEvent::Stopped { .. } => match job.state() {
            // The server notices it too late, or not at all.
            JobState::Stopping if options.generation.hangs() && now < job.pause_until => {}
            JobState::CheckpointStopping | JobState::Stopping => stopped(job, now),
            // The next tick starts another run.
            _ => job.has_worker = false,
        },
        WorkerEvent::Finished { .. } => {
            if is_under_way(job.state()) {
                drop_in_flight(job, options.generation);
                job.has_worker = false;
                job.shown.state = JobState::Finished;
                job.shown.finish_time = Some(now);
            }
        }
        WorkerEvent::Failed {
            error,
            domain,
            retryable,
            ..
        } => {
            if is_under_way(job.state()) {
                // 0.15 does not log it (recordings `201_errors` and `551_errors` of 0.15.0).
                if !options.generation.is_0_15() {
                    let id = environment.new_id("jlm_");
                    log(
                        job,
                        JobError::task_failed(id, now, error.clone(), domain.clone()),
                    );
                }
                failed(job, error, domain, retryable, now, options);
            }
        }
        WorkerEvent::DataDropped {
            operator,
            rows,
            error,
            ..
        } => {
            let id = environment.new_id("jlm_");
            log(job, JobError::data_dropped(id, now, operator, rows, error));
        }
        WorkerEvent::Lost { .. } => {
            if is_under_way(job.state()) {
                let error = "a worker was lost".to_owned();
                failed(job, error, ErrorDomain::Internal, true, now, options);
            }
        }
    }
}

/// The newest entry comes first.
fn log(job: &mut JobRecord, entry: JobError) {
    job.errors.insert(0, entry);
    job.errors.truncate(ERRORS);
}

fn is_under_way(state: &JobState) -> bool {
    matches!(
        state,
        JobState::Scheduling
            | JobState::Running
            | JobState::CheckpointStopping
            | JobState::Stopping
            | JobState::Restarting
            | JobState::Rescaling
    )
}

fn stored(job: &mut JobRecord, epoch: u64, now: u64) {
    if job
        .in_flight
        .is_none_or(|in_flight| in_flight.epoch != epoch)
    {
        return;
    }
    job.in_flight = None;
    if let Some(checkpoint) = job
        .checkpoints
        .iter_mut()
        .find(|checkpoint| checkpoint.epoch == epoch)
    {
        checkpoint.finish_time = Some(now);
        checkpoint.events = history::parts(checkpoint.start_time, now);
    }
    let superfluous = job.checkpoints.len().saturating_sub(CHECKPOINTS);
    job.checkpoints.drain(..superfluous);
}

fn failed(
    job: &mut JobRecord,
    error: String,
    domain: ErrorDomain,
    retryable: bool,
    now: u64,
    options: &Options,
) {
    drop_in_flight(job, options.generation);
    job.has_worker = false;
    match options.generation {
        Generation::V0_15(Scheduler::Embedded) => {
            job.shown.state = JobState::Recovering;
            job.pause_until = now + TEARING_DOWN;
            return;
        }
        Generation::V0_15(Scheduler::Process) if job.recoveries < options.allowed_restarts => {
            job.recoveries += 1;
            job.shown.state = JobState::Recovering;
            return;
        }
        Generation::V0_15(Scheduler::Process) => {
            over(job, "Job has restarted too many times", now);
            return;
        }
        Generation::V0_16 => {}
    }
    // The first run counts too.
    if retryable && job.recoveries + 1 < options.allowed_restarts {
        job.recoveries += 1;
        job.shown.state = JobState::Recovering;
        job.pause_until =
            now + micros(options.recovering_pause).saturating_mul(u64::from(job.recoveries));
        return;
    }
    let error = if retryable {
        format!("Exhausted retries: {error}")
    } else {
        error
    };
    job.shown.failure_reason = Some(FailureReason::new(error, domain));
    job.shown.finish_time = Some(now);
    job.shown.state = JobState::Failing;
    job.pause_until = now + micros(options.failing_pause);
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
