//! Finding the pipeline and resuming it, or creating it.

pub(crate) mod attempt;
mod create;
mod decide;
mod difference;
mod earlier_create;
mod job;
mod near_match;
mod pipeline_summary;
mod resolution;
mod resolve_error;
pub(crate) mod resume;
pub(crate) mod resume_plan;
mod send_create;
pub(crate) mod settle;
pub(crate) mod shown;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::SystemTime};

use stepwell_arroyo::{Job, Made, Pipeline};
use tokio::time::Instant;

use self::{
    attempt::{CreateAttempt, CreateMode, Listed, Sent},
    create::{CreateOutcome, Creating},
    decide::{Decision, decide},
    difference::differences,
    earlier_create::{EarlierCreate, earlier_create},
    job::{JobOf, job_of},
    resume::{ResumeOutcome, Resuming, compare_udfs},
    resume_plan::ResumePlan,
};
pub use self::{
    difference::Difference,
    pipeline_summary::PipelineSummary,
    resolution::{Plan, PlannedRequest, Resolution},
    resolve_error::{Action, ResolveError},
};
use crate::{
    error::Error,
    job::verdict::Baseline,
    observe::Step,
    session::{Deadline, Session},
    spec::{Intent, PipelineSpec},
    state::{Identified, Resumed},
};

/// The result of `resolve`.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum ResolveOutcome {
    Resumed {
        pipeline: Identified,
        baseline: Baseline,
        differences: Vec<Difference>,
        origin: Resumed,
    },
    Created {
        pipeline: Identified,
        differences: Vec<Difference>,
    },
}

impl ResolveOutcome {
    fn created(spec: &PipelineSpec, made: Made) -> Self {
        // The job echoes the environment and the scheduler configuration, but may not exist yet.
        let differences = differences(spec, &made, None);
        Self::Created {
            differences,
            pipeline: made.into(),
        }
    }

    /// Adds the pipeline with almost the same query beside which `attempt` created this one.
    fn beside(mut self, attempt: &CreateAttempt) -> Self {
        let (Self::Created { differences, .. } | Self::Resumed { differences, .. }) = &mut self;
        if let Some(existing) = attempt.near() {
            differences.push(Difference::NearMatch {
                existing: existing.clone(),
            });
        }
        self
    }
}

/// Finds the pipeline and resumes it, or creates one.
pub(crate) async fn resolve(
    session: &Session,
    spec: &Arc<PipelineSpec>,
    attempt: &mut Option<CreateAttempt>,
    deadline: &Deadline,
) -> Result<ResolveOutcome, Error> {
    let creating = Creating { session, deadline };
    loop {
        if !attempt.as_ref().is_some_and(CreateAttempt::in_doubt) {
            match earlier_create(session, spec, deadline).await? {
                EarlierCreate::None => *attempt = None,
                EarlierCreate::TakenOver(earlier) => *attempt = Some(earlier),
                EarlierCreate::Made(pipeline) => {
                    let outcome = CreateOutcome::Adopted {
                        pipeline,
                        started_here: false,
                    };
                    if let Some(resolved) = take(session, spec, outcome, deadline).await? {
                        return Ok(resolved);
                    }
                }
            }
        }
        if let Some(attempt) = attempt.as_mut().filter(|attempt| attempt.in_doubt()) {
            let outcome = creating.settle_earlier(attempt).await?;
            let taken = take(session, spec, outcome, deadline).await;
            let taken = taken.map_err(|error| still_in_doubt(&creating, attempt, error))?;
            attempt.sent = Sent::Nothing;
            if let Some(resolved) = taken {
                return Ok(resolved.beside(attempt));
            }
        }
        let read_at = Instant::now();
        let mode = match decide(session, spec, deadline, false).await? {
            Decision::Resume { pipeline, job } => {
                let resumed = resume(
                    session,
                    spec,
                    pipeline,
                    job,
                    read_at,
                    deadline,
                    HowFound::Listed,
                )
                .await?;
                if let Some(resolved) = resumed {
                    return Ok(resolved);
                }
                continue;
            }
            Decision::Create {
                id,
                listed,
                has_stand_in,
                near,
                ..
            } => CreateMode::Listed(Listed {
                chosen: id.clone(),
                id,
                has_stand_in,
                near,
                before: listed,
                read_at,
            }),
            Decision::CreateById(id) => CreateMode::ById(id),
        };
        let attempt = attempt.insert(CreateAttempt {
            spec: Arc::clone(spec),
            mode,
            since: SystemTime::now(),
            sent: Sent::Nothing,
        });
        let outcome = creating.run(attempt).await?;
        let taken = take(session, spec, outcome, deadline).await;
        let taken = taken.map_err(|error| still_in_doubt(&creating, attempt, error))?;
        attempt.sent = Sent::Nothing;
        if let Some(resolved) = taken {
            return Ok(resolved.beside(attempt));
        }
    }
}

/// Taking over the result of a create failed: unless the create is settled, a shutdown has to look for it. What was found after a `POST` may
/// be another client's, so that of our own is still unknown.
fn still_in_doubt(creating: &Creating<'_>, attempt: &CreateAttempt, error: Error) -> Error {
    if !attempt.in_doubt() {
        return error;
    }
    creating.session.ticket.is_in_doubt(attempt);
    match error {
        Error::Resolve {
            source: ResolveError::Rejected { source, .. } | ResolveError::Unanswered { source, .. },
        } if attempt.sent == Sent::Post => creating.unknown(attempt, source),
        error => error,
    }
}

/// Takes over the result of a create; `None` if the server has to be read again.
async fn take(
    session: &Session,
    spec: &PipelineSpec,
    outcome: CreateOutcome,
    deadline: &Deadline,
) -> Result<Option<ResolveOutcome>, Error> {
    match outcome {
        CreateOutcome::Created(made) => Ok(Some(ResolveOutcome::created(spec, made))),
        CreateOutcome::ListNeeded => Ok(None),
        CreateOutcome::Adopted {
            pipeline,
            started_here,
        } => {
            if *spec.intent() == Intent::CreateOnly && !started_here {
                session.ticket.forget();
                return Err(ResolveError::AlreadyExists {
                    existing: PipelineSummary::new(&pipeline),
                }
                .into());
            }
            let read_at = Instant::now();
            let job = match job_of(session, &pipeline, deadline).await? {
                JobOf::Job(job) => job,
                JobOf::Gone => None,
            };
            resume(
                session,
                spec,
                pipeline,
                job,
                read_at,
                deadline,
                HowFound::Adopted { started_here },
            )
            .await
        }
    }
}

/// How a pipeline to resume was found.
#[derive(Clone, Copy)]
enum HowFound {
    Listed,
    Adopted { started_here: bool },
}

/// Resumes the pipeline; `None` if its job has just ended and the server has to be read again.
async fn resume(
    session: &Session,
    spec: &PipelineSpec,
    pipeline: Box<Pipeline>,
    job: Option<Box<Job>>,
    read_at: Instant,
    deadline: &Deadline,
    how: HowFound,
) -> Result<Option<ResolveOutcome>, Error> {
    let (adopted, started_here) = match how {
        HowFound::Listed => (false, false),
        HowFound::Adopted { started_here } => (true, started_here),
    };
    compare_udfs(spec, &pipeline)?;
    let resuming = Resuming {
        session,
        step: Step::Resolve,
        parallelism: spec.parallelism(),
        pipeline: &pipeline,
        job: job.as_deref(),
        read_at,
        deadline,
        adopted,
        started_here,
    };
    match resuming.run().await? {
        ResumeOutcome::Done {
            baseline,
            parallelism_set,
        } => {
            let mut differences = differences(spec, &*pipeline, job.as_deref());
            if parallelism_set {
                // The list was read before it was set.
                differences
                    .retain(|difference| !matches!(difference, Difference::Parallelism { .. }));
            }
            Ok(Some(ResolveOutcome::Resumed {
                pipeline: Identified::new(&pipeline),
                baseline,
                differences,
                origin: Resumed {
                    job: job.map(|job| *job),
                    adopted,
                    found_again: started_here,
                },
            }))
        }
        ResumeOutcome::Again => Ok(None),
    }
}

/// Reports what [`resolve`] would do, without doing it.
pub(crate) async fn plan(
    session: &Session,
    spec: &PipelineSpec,
    attempt: Option<&CreateAttempt>,
    deadline: &Deadline,
) -> Result<Plan, Error> {
    if let Some(attempt) = attempt.filter(|attempt| attempt.in_doubt()) {
        return Ok(Plan::Settle {
            id: attempt.id().cloned(),
        });
    }
    Ok(match decide(session, spec, deadline, true).await? {
        Decision::Resume { pipeline, job } => {
            if let Some(job) = &job {
                session.sight.meets(&pipeline.id, &job.id);
            }
            compare_udfs(spec, &pipeline)?;
            Plan::Resume {
                requests: ResumePlan::of(spec.parallelism(), &pipeline, job.as_deref()).requests(),
                pipeline: PipelineSummary::new(&pipeline),
                state: job.map(|job| job.state),
            }
        }
        Decision::Create {
            id,
            forced_past,
            near,
            ..
        } => Plan::Create {
            id,
            forced_past,
            near,
        },
        Decision::CreateById(id) => Plan::Create {
            id: Some(id),
            forced_past: Vec::new(),
            near: None,
        },
    })
}
