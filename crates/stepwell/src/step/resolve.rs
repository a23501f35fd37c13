use std::{pin::pin, sync::Arc, time::SystemTime};

use stepwell_arroyo::{Job, Made, Pipeline, PipelineId};
use tracing::Instrument;

use crate::{
    Created, Plan, Resolution, Resolved, Resumed, Submission, TransitionError, Validated,
    baseline::Baseline,
    context::Context,
    error::Error,
    observer::{Event, Step},
    poll::GONE_AFTER,
    resolution::{
        Difference, PipelineSummary, ResolveError,
        attempt::{Attempt, Listed, Sent, Way},
        by_id,
        create::{Creating, Outcome},
        decide::{Decision, Rest},
        differences,
        job::{Looked, job_of},
        resume::{Move, Resume, Resuming, compare_udfs},
        whole_list,
    },
    spec::{Intent, PipelineSpec},
    state::Identified,
    time_limit::TimeLimit,
};

/// What the work of `resolve` came to, before the submission is moved along.
enum Landed {
    Resumed {
        pipeline: Box<Pipeline>,
        job: Option<Box<Job>>,
        baseline: Baseline,
        adopted: bool,
        found_again: bool,
        parallelism_set: bool,
    },
    Created {
        made: Made,
    },
}

impl Submission<Validated> {
    /// Finds the pipeline with the same query and resumes it, or creates one.
    ///
    /// Reads all pipelines (`GET /api/v1/pipelines`), or only the one with the id of the spec (`GET /api/v1/pipelines/{id}`): see
    /// [`FindBy`](crate::FindBy). A pipeline with exactly the same query is resumed by the state that it is in: left
    /// alone, told to start (`PATCH`), or restarted (`POST …/restart`). Without one, a pipeline is created, by
    /// `PUT /api/v1/pipelines/{id}` where the server has it and by `POST` otherwise; but not beside other pipelines, unless
    /// [`force`](crate::PipelineSpecBuilder::force) says so. That is a check, not a lock.
    ///
    /// A `POST` is never sent twice, and a `PUT` is repeated only under the same id. When a create's reply is lost and the pipeline does
    /// not show up, the error is [`OutcomeUnknown`](ResolveError::OutcomeUnknown), and the next `resolve` of the submission looks for it
    /// first.
    ///
    /// # Errors
    ///
    /// [`Error::Resolve`], [`Error::ShutdownBegun`]. Hands back the validated submission with what it has sent in it.
    ///
    /// # Cancel safety
    ///
    /// A request that changes something is not cut: it goes on when the future is dropped, and the [`Shutdown`](crate::Shutdown)
    /// knows of it. The submission is lost with the future; a new one finds the pipeline.
    pub async fn resolve(mut self) -> Result<Resolution, TransitionError<Validated>> {
        let span = tracing::info_span!(
            "resolve",
            pipeline.name = self.state.spec.name(),
            pipeline.id = tracing::field::Empty,
            state.from = "Validated",
            state.to = "Resolved"
        );
        let mut attempt = self.state.attempt.take();
        let outcome = async {
            let begun = self.begin(Step::Resolve);
            let work = resolve(&self.context, &self.state.spec, &mut attempt, &begun.limit);
            let work = pin!(work);
            let resolved = self.context.unless_begun(work).await?;
            self.finish(&begun);
            Ok::<_, Error>(resolved)
        }
        .instrument(span.clone())
        .await;
        self.state.attempt = attempt;
        match outcome {
            Ok(resolved) => {
                let resolution = self.resolved(resolved);
                span.record("pipeline.id", resolution.id().as_str());
                Ok(resolution)
            }
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }

    /// Says what [`resolve`](Self::resolve) would do now, without doing it. Only reads.
    ///
    /// # Errors
    ///
    /// What `resolve` would refuse is the same error here.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn plan(&self) -> Result<Plan, Error> {
        let limit = TimeLimit::new(self.context.options.resolve_timeout);
        let work = pin!(async {
            if let Some(attempt) = self
                .state
                .attempt
                .as_ref()
                .filter(|attempt| attempt.in_doubt())
            {
                return Ok(Plan::Settle {
                    id: attempt.id().cloned(),
                });
            }
            let spec = &self.state.spec;
            Ok(match decide(&self.context, spec, &limit, true).await? {
                Decision::Resume { pipeline, job } => {
                    compare_udfs(spec, &pipeline)?;
                    Plan::Resume {
                        requests: Move::of(spec, &pipeline, job.as_deref()).requests(),
                        pipeline: PipelineSummary::new(&pipeline),
                        state: job.map(|job| job.state),
                    }
                }
                Decision::Create {
                    id, forced_past, ..
                } => Plan::Create { id, forced_past },
                Decision::CreateById(id) => Plan::Create {
                    id: Some(id),
                    forced_past: Vec::new(),
                },
            })
        });
        self.context.unless_begun(work).await
    }

    fn resolved(self, resolved: Landed) -> Resolution {
        let context = Arc::clone(&self.context);
        let validated = self.state;
        match resolved {
            Landed::Resumed {
                pipeline,
                job,
                baseline,
                adopted,
                found_again,
                parallelism_set,
            } => {
                let mut differences = differences(&validated.spec, &*pipeline, job.as_deref());
                if parallelism_set {
                    // The list was read before it was set.
                    differences
                        .retain(|difference| !matches!(difference, Difference::Parallelism { .. }));
                }
                tell(&context, &pipeline.id, &differences);
                let state = Resolved {
                    pipeline: Identified::new(&pipeline),
                    baseline,
                    differences,
                    origin: Resumed {
                        job: job.map(|job| *job),
                        adopted,
                        found_again,
                    },
                    validated,
                };
                tracing::debug!(state.from = "Validated", state.to = ?state, "step taken");
                Resolution::Resumed(Submission { context, state })
            }
            Landed::Created { made } => {
                // The environment and the scheduler's configuration are echoed by the job, which may not be there yet.
                let differences = differences(&validated.spec, &made, None);
                tell(&context, &made.id, &differences);
                let state = Resolved {
                    pipeline: made.into(),
                    baseline: Baseline::none(),
                    differences,
                    origin: Created(()),
                    validated,
                };
                tracing::debug!(state.from = "Validated", state.to = ?state, "step taken");
                Resolution::Created(Submission { context, state })
            }
        }
    }
}

fn tell(context: &Context, id: &PipelineId, differences: &[Difference]) {
    for difference in differences {
        context.tell(&Event::Differs {
            pipeline_id: id.clone(),
            difference: difference.clone(),
        });
    }
}

async fn resolve(
    context: &Context,
    spec: &Arc<PipelineSpec>,
    attempt: &mut Option<Attempt>,
    limit: &TimeLimit,
) -> Result<Landed, Error> {
    let creating = Creating { context, limit };
    if let Some(attempt) = attempt.as_mut().filter(|attempt| attempt.in_doubt()) {
        let outcome = creating.settle_earlier(attempt).await?;
        let taken = take(context, spec, outcome, limit).await?;
        attempt.sent = Sent::Nothing;
        if let Some(resolved) = taken {
            return Ok(resolved);
        }
    }
    loop {
        let way = match decide(context, spec, limit, false).await? {
            Decision::Resume { pipeline, job } => {
                let resumed = resume(context, spec, pipeline, job, limit, Origin::Found).await?;
                if let Some(resolved) = resumed {
                    return Ok(resolved);
                }
                continue;
            }
            Decision::Create { id, listed, .. } => Way::Listed(Listed {
                chosen: id.clone(),
                id,
                before: listed,
            }),
            Decision::CreateById(id) => Way::ById(id),
        };
        let attempt = attempt.insert(Attempt {
            spec: Arc::clone(spec),
            way,
            since: SystemTime::now(),
            sent: Sent::Nothing,
        });
        let outcome = creating.run(attempt).await?;
        let taken = take(context, spec, outcome, limit).await?;
        attempt.sent = Sent::Nothing;
        if let Some(resolved) = taken {
            return Ok(resolved);
        }
    }
}

/// Takes over what a create came to; `None`: look again.
async fn take(
    context: &Context,
    spec: &PipelineSpec,
    outcome: Outcome,
    limit: &TimeLimit,
) -> Result<Option<Landed>, Error> {
    match outcome {
        Outcome::Created(made) => Ok(Some(Landed::Created { made })),
        Outcome::ListNeeded => Ok(None),
        Outcome::Adopted {
            pipeline,
            started_here,
        } => {
            if *spec.intent() == Intent::CreateOnly && !started_here {
                context.ticket.forget();
                return Err(ResolveError::AlreadyExists {
                    existing: PipelineSummary::new(&pipeline),
                }
                .into());
            }
            let job = match job_of(context, &pipeline, limit).await? {
                Looked::Job(job) => job,
                Looked::Gone => None,
            };
            resume(
                context,
                spec,
                pipeline,
                job,
                limit,
                Origin::Adopted { started_here },
            )
            .await
        }
    }
}

/// How a pipeline to resume was found.
#[derive(Clone, Copy)]
enum Origin {
    Found,
    Adopted { started_here: bool },
}

/// Resumes; `None`: its job has come to an end, look again.
async fn resume(
    context: &Context,
    spec: &PipelineSpec,
    pipeline: Box<Pipeline>,
    job: Option<Box<Job>>,
    limit: &TimeLimit,
    origin: Origin,
) -> Result<Option<Landed>, Error> {
    let (adopted, started_here) = match origin {
        Origin::Found => (false, false),
        Origin::Adopted { started_here } => (true, started_here),
    };
    let resuming = Resuming {
        context,
        spec,
        pipeline: &pipeline,
        job: job.as_deref(),
        limit,
        adopted,
        started_here,
    };
    match resuming.run().await? {
        Resume::Done {
            baseline,
            parallelism_set,
        } => Ok(Some(Landed::Resumed {
            pipeline,
            job,
            baseline,
            adopted,
            found_again: started_here,
            parallelism_set,
        })),
        Resume::Again => Ok(None),
    }
}

/// Reads what the server holds and decides. With `names_others` the decision names all other pipelines, even where they count for nothing.
async fn decide(
    context: &Context,
    spec: &PipelineSpec,
    limit: &TimeLimit,
    names_others: bool,
) -> Result<Decision, Error> {
    if let Some(decision) = by_id::decide(context, spec, limit).await? {
        return Ok(decision);
    }
    // A match whose job is not found was deleted, or that answer came from a node that lags behind: only a list without it proves it.
    let disagreement = limit.within(GONE_AFTER);
    let mut pace = context.poll_pace();
    loop {
        let listed = list(context, spec, limit, names_others).await?;
        match listed
            .in_doubt
            .filter(|_| disagreement.elapsed() < GONE_AFTER)
        {
            None => return Ok(listed.rest.decide(spec, listed.matches)?),
            Some(existing) if limit.is_over() => Err(ResolveError::Vanished { existing })?,
            Some(_) => {}
        }
        disagreement.sleep(pace.pause(&context.jitter)).await;
    }
}

struct Reading {
    matches: Vec<(Pipeline, Option<Box<Job>>)>,
    rest: Rest,
    /// A match without a job to show.
    in_doubt: Option<PipelineSummary>,
}

async fn list(
    context: &Context,
    spec: &PipelineSpec,
    limit: &TimeLimit,
    names_others: bool,
) -> Result<Reading, Error> {
    let (matches, mut rest) = whole_list::find(context, spec, limit, names_others).await?;
    let mut in_doubt = None;
    let mut with_jobs = Vec::with_capacity(matches.len());
    for pipeline in matches {
        match job_of(context, &pipeline, limit).await? {
            Looked::Job(job) => with_jobs.push((pipeline, job)),
            Looked::Gone => {
                in_doubt.get_or_insert_with(|| PipelineSummary::new(&pipeline));
                rest.note_gone(pipeline.id);
            }
        }
    }
    Ok(Reading {
        matches: with_jobs,
        rest,
        in_doubt,
    })
}
