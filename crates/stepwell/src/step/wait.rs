use std::{pin::pin, time::Duration};

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Job, JobError, JobId, JobState, PipelineId};
use tokio::time::Instant;
use tracing::Instrument;

use super::watch::{Ended, Watch};
use crate::{
    Registered, Running, Submission, TransitionError, Trouble,
    approach::Approach,
    baseline::Meaning,
    context::Context,
    error::Error,
    last_seen::LastSeen,
    observer::Step,
    submission::Begun,
    trouble::words,
    words::{Time, times},
};

/// Why a job was not seen Running.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum WaitError {
    /// It failed.
    #[snafu(display("pipeline {id} failed{}", reason(job, errors, trouble.as_deref())))]
    Failed {
        /// The pipeline.
        id: PipelineId,
        /// The job, with the reason where the server gives one.
        job: Box<Job>,
        /// The errors that the job has logged, newest first; empty when there are none or the server did not say.
        errors: Vec<JobError>,
        /// The trouble that the job was in before.
        trouble: Option<Box<Trouble>>,
    },
    /// It was stopped by somebody else.
    #[snafu(display("pipeline {id} was stopped by somebody else; submit it again to resume it"))]
    Stopped {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
    },
    /// It has finished: a finite job can be over before any poll sees it Running.
    #[snafu(display("pipeline {id} has finished"))]
    Finished {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
    },
    /// It was not Running in time. It may still come up.
    #[snafu(display(
        "pipeline {id} {}", too_late(*elapsed, *not_stable_for, trouble.as_deref())
    ))]
    Deadline {
        /// The pipeline.
        id: PipelineId,
        /// How long it was waited for.
        elapsed: Duration,
        /// The trouble that the job is in.
        trouble: Option<Box<Trouble>>,
        /// When it was Running in the run that counts, but not for as long as it was to stay so
        /// ([`Options::stable_for`](crate::Options::stable_for)): that time.
        not_stable_for: Option<Duration>,
        /// What was last known.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
    /// It says Running and runs nothing: its parallelism is 0 (recording `290_create_parallelism_0`).
    #[snafu(display(
        "pipeline {id} says that it is running, but runs no task: its parallelism is 0; stop it and set one"
    ))]
    NoTasks {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
    },
    /// The server no longer knows it.
    #[snafu(display("pipeline {id} is no longer on the server; somebody has deleted it"))]
    Vanished {
        /// The pipeline.
        id: PipelineId,
    },
    /// The server refused to show it.
    #[snafu(display("the server refused to show pipeline {id}"))]
    Rejected {
        /// The pipeline.
        id: PipelineId,
        /// The server's answer.
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
    /// The server has not answered for a while.
    #[snafu(display(
        "the server has not answered for {}; pipeline {id} may well be running{}",
        Time(*silence), after_trouble(trouble.as_deref())
    ))]
    Silence {
        /// The pipeline.
        id: PipelineId,
        /// For how long.
        silence: Duration,
        /// The trouble that the job was in when it was last seen.
        trouble: Option<Box<Trouble>>,
        /// What was last known.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
}

impl WaitError {
    pub(super) fn of_end(ended: Ended) -> Self {
        let (id, job) = (ended.id, Box::new(ended.job));
        match job.state {
            JobState::Failed => Self::Failed {
                id,
                job,
                errors: ended.errors,
                trouble: ended.trouble.map(Box::new),
            },
            JobState::Finished => Self::Finished { id, job },
            _ => Self::Stopped { id, job },
        }
    }

    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::Silence { .. })
    }
}

/// The reason in the server's words, with its domain; without one, what the job has logged.
fn reason(job: &Job, errors: &[JobError], trouble: Option<&Trouble>) -> String {
    let restarted = trouble
        .filter(|trouble| trouble.restarts > 0)
        .map(|trouble| {
            let (times, elapsed) = (times(trouble.restarts), Time(trouble.elapsed));
            format!(" after it restarted {times} in {elapsed}")
        })
        .unwrap_or_default();
    match (&job.failure_reason, errors.first()) {
        (Some(reason), _) => match &reason.domain {
            Some(domain) => format!("{restarted} ({domain} error): {}", reason.error),
            None => format!("{restarted}: {}", reason.error),
        },
        (None, Some(error)) => format!("{restarted}: {}", words(error)),
        (None, None) => format!("{restarted}; the server gives no reason"),
    }
}

fn too_late(
    elapsed: Duration,
    not_stable_for: Option<Duration>,
    trouble: Option<&Trouble>,
) -> String {
    let elapsed = Time(elapsed);
    match (not_stable_for.map(Time), trouble) {
        (Some(stable), Some(trouble)) => {
            format!("ran, but did not stay running for {stable}: {trouble}")
        }
        (Some(stable), None) => {
            format!("ran, but had not been running for {stable} when {elapsed} were over")
        }
        (None, Some(trouble)) => format!("was not running within {elapsed}: {trouble}"),
        (None, None) => {
            format!("was not running within {elapsed}; look at its state, wait longer, or stop it")
        }
    }
}

fn after_trouble(trouble: Option<&Trouble>) -> String {
    trouble
        .map(|trouble| format!("; when it was last seen, {trouble}"))
        .unwrap_or_default()
}

impl Submission<Registered> {
    /// Waits until the job is Running, in the run that counts.
    ///
    /// Reads `GET /api/v1/pipelines/{id}/jobs` until it says so, for
    /// [`Options::running_timeout`](crate::Options::running_timeout). After a patch or restart of this submission, what is seen in the
    /// run before counts neither as success nor as failure. With [`Options::stable_for`](crate::Options::stable_for) the job must stay
    /// Running in the same run for that long, for a pipeline with an error in it does reach Running for a moment; that time comes on top
    /// of the deadline. A failed poll is tolerated, and so is a server that does not know the pipeline for less than ten seconds.
    ///
    /// The first looks are milliseconds apart. Then the pauses follow what is seen: at most 90 ms while the server has not acted, 34 ms,
    /// later 58 ms, when the job has just begun to be Scheduling, for Running is near. After half a second they are at most 130 ms, after
    /// ten seconds a sixth of the time waited, 8 s at most. Chance makes each shorter by up to a quarter, so that many who wait do not ask
    /// in step. A poll that failed is followed by a longer pause, and by what a busy server asks for (`Retry-After`).
    ///
    /// # Errors
    ///
    /// [`Error::Wait`] for every other end, [`Error::ShutdownBegun`]. Hands back the registered submission.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads. The submission is lost with the future, the pipeline stays registered with its shutdown.
    pub async fn wait_until_running(
        self,
    ) -> Result<Submission<Running>, TransitionError<Registered>> {
        let span = tracing::info_span!(
            "wait_until_running", pipeline.id = %self.id(), pipeline.name = self.name(), state.from = "Registered", state.to = "Running"
        );
        let outcome = async {
            let begun = self.begin(Step::Wait);
            let work = pin!(wait(&self, &begun));
            let job = self.context.unless_begun(work).await?;
            self.finish(&begun);
            Ok::<_, Error>(job)
        }
        .instrument(span)
        .await;
        match outcome {
            Ok(job) => {
                let Self { context, state } = self;
                tracing::debug!(state.from = ?state, state.to = "Running", "step taken");
                Ok(Submission {
                    context,
                    state: Running {
                        registered: state,
                        job,
                    },
                })
            }
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }
}

async fn wait(submission: &Submission<Registered>, begun: &Begun) -> Result<Job, Error> {
    let context: &Context = &submission.context;
    let stable_for = context.options.stable_for.unwrap_or_default();
    let mut baseline = submission.state.baseline.clone();
    let mut watch = Watch::new(context, submission.id(), begun.limit, &baseline);
    let mut approach = Approach::to_running();
    let mut steady = context.poll_pace();
    // Since when it was Running, and in which run of which job: one that is made anew under its id begins with the same run.
    let mut running: Option<(JobId, u64, Instant)> = None;
    let mut has_run = false;
    loop {
        let mut next = None;
        // What a reply shows was so at some time between these two.
        let asked = Instant::now();
        if let Some(job) = watch.look().await? {
            let told = Instant::now();
            approach.saw(&job);
            let meaning = baseline.meaning(&job);
            let counts_at = match meaning {
                Meaning::Ended => {
                    let trouble = watch.trouble();
                    return Err(ended(context, submission.id(), job, trouble)
                        .await
                        .into_error()
                        .into());
                }
                Meaning::Running => Some(asked),
                Meaning::RunningIfUnchangedUntil(at) => Some(at),
                Meaning::Pending => None,
            };
            if let Some(counts_at) = counts_at {
                has_run |= meaning == Meaning::Running;
                let since = match &running {
                    Some((id, run_id, since)) if *id == job.id && *run_id == job.run_id => *since,
                    _ => told,
                };
                running = Some((job.id.clone(), job.run_id, since));
                let stable_at = if stable_for.is_zero() {
                    asked
                } else {
                    since + stable_for
                };
                let at = stable_at.max(counts_at);
                if at <= asked {
                    if job.tasks == Some(0) {
                        return Err(WaitError::NoTasks {
                            id: submission.id().clone(),
                            job: Box::new(job),
                        }
                        .into());
                    }
                    return Ok(job);
                }
                let pause = match meaning {
                    // It runs, and only has to stay so.
                    Meaning::Running => steady.pause(&context.jitter),
                    _ => approach.pause(&context.jitter),
                };
                // Not later than the moment from which on a look counts.
                next = Some(pause.min(at.saturating_duration_since(told)));
            } else {
                running = None;
            }
        }
        if begun.limit.is_over() {
            return Err(WaitError::Deadline {
                id: submission.id().clone(),
                elapsed: begun.limit.elapsed(),
                trouble: watch.trouble(),
                not_stable_for: has_run.then_some(stable_for),
                source: Box::new(watch.into_last_seen()),
            }
            .into());
        }
        let next = next.unwrap_or_else(|| approach.pause(&context.jitter));
        watch.sleep(next.max(watch.retry_pause())).await;
    }
}

/// The end of a job, with what it has logged if it failed. The shutdown need not stop what has ended.
pub(super) async fn ended(
    context: &Context,
    id: &PipelineId,
    job: Job,
    trouble: Option<Box<Trouble>>,
) -> Ended {
    context.ticket.forget();
    let errors = if job.state == JobState::Failed {
        let client = context.client.within(context.options.request_timeout);
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
