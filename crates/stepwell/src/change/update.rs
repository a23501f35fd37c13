//! Changing the settings of a pipeline that runs.

use stepwell_arroyo::{ClientError, Job, JobState, Operation, PatchPipeline, Pipeline, PipelineId};

use super::{Change, ChangeError, look::Looking, send::ChangeRequest};
use crate::{
    error::Error,
    job::{
        record::Expected,
        verdict::{Baseline, TWO_TICKS},
    },
    observe::{Difference, Step},
    session::{
        Deadline, Session,
        retry::{Failure, Request, is_gone},
    },
    spec::Update,
};

/// A pipeline that was updated.
pub(crate) struct Updated {
    /// What its run is judged against; `None` if nothing was sent.
    pub(crate) baseline: Option<Baseline>,
    /// What the server has ignored.
    pub(crate) differences: Vec<Difference>,
}

/// An update of a pipeline that runs.
pub(crate) struct Updating<'a> {
    pub(crate) session: &'a Session,
    pub(crate) id: &'a PipelineId,
    pub(crate) update: &'a Update,
    pub(crate) expected: Expected,
    pub(crate) deadline: &'a Deadline,
}

impl Updating<'_> {
    /// Sends what differs in one request. Before a repetition the pipeline is read again, so that what has taken effect, or what another
    /// client has done meanwhile, is seen.
    pub(crate) async fn run(&self) -> Result<Updated, Error> {
        let (session, id, deadline) = (self.session, self.id, self.deadline);
        let mut tries = session
            .requester
            .tries(Request::Patch, Step::Update, deadline);
        // The job before the first request that may have taken effect, whether any of these begins a run, and how the last one failed.
        let mut before: Option<Job> = None;
        let mut begins_a_run = false;
        let mut doubt: Option<ClientError> = None;
        loop {
            let (pipeline, job) = match self.looking().both().await {
                Ok(read) => read,
                Err(error) => return Err(self.unless_sent(doubt, error).into()),
            };
            let missing = missing(self.update, &pipeline, job.as_ref());
            if missing.is_empty() {
                // An earlier call may have sent it.
                let is_new = session.sight.was_just_changed();
                let before = before.or_else(|| job.filter(|_| is_new));
                let baseline = before.map(|job| baseline(&job, begins_a_run || is_new));
                let differences = Vec::new();
                return Ok(Updated {
                    baseline,
                    differences,
                });
            }
            let Some(job) = job else {
                let error = ChangeError::vanished(Change::Update, id);
                return Err(self.unless_sent(doubt, error).into());
            };
            if !runs(&job) {
                let (id, job) = (id.clone(), Box::new(job));
                let error = ChangeError::NotRunning { id, job };
                return Err(self.unless_sent(doubt, error).into());
            }
            let (client, left) = tries.client();
            let (owned, patch) = (id.clone(), patch(&missing));
            let request = ChangeRequest {
                id,
                name: &pipeline.name,
                operation: Operation::Patch,
                starts: false,
                started_here: false,
            };
            let sending = async move { client.patch(&owned, &patch).await };
            session.ticket.patches(session.requester.server(), id);
            let error = match request.send(session, sending).await? {
                Ok(echo) => {
                    tries.answered();
                    session.sight.changes(id);
                    begins_a_run |= missing.begins_a_run();
                    let baseline = baseline(&before.unwrap_or(job), begins_a_run);
                    // It was accepted, whether or not it can be compared with what is shown then.
                    let differences = self.ignored(&missing, echo).await;
                    return Ok(Updated {
                        baseline: Some(baseline),
                        differences: differences.unwrap_or_default(),
                    });
                }
                Err(error) => error,
            };
            if !Failure::of(&error).changed_nothing() {
                session.sight.changes(id);
                before.get_or_insert(job);
                begins_a_run |= missing.begins_a_run();
                doubt = Some(error.clone());
            }
            let pause = tries.pause(error, left);
            let pause = pause.map_err(|error| {
                if is_gone(&error) {
                    return ChangeError::vanished(Change::Update, id);
                }
                ChangeError::failed(Change::Update, id, deadline, before.is_some(), error)
            })?;
            deadline.sleep(pause).await;
        }
    }

    /// The error, unless the update was sent and may have taken effect.
    fn unless_sent(&self, doubt: Option<ClientError>, error: ChangeError) -> ChangeError {
        match doubt {
            Some(doubt) => ChangeError::failed(Change::Update, self.id, self.deadline, true, doubt),
            None => error,
        }
    }

    fn looking(&self) -> Looking<'_> {
        Looking {
            session: self.session,
            id: self.id,
            change: Change::Update,
            deadline: self.deadline,
            expected: self.expected,
        }
    }

    /// What the server has accepted and does not show: releases up to 0.15 ignore the environment and the scheduler configuration. It is
    /// looked for until two ticks later, because a node may lag behind.
    async fn ignored(
        &self,
        sent: &Update,
        echo: Option<Pipeline>,
    ) -> Result<Vec<Difference>, Error> {
        let until = self.deadline.within(TWO_TICKS);
        let mut echo = echo;
        loop {
            let is_shown_by_job = sent.environment.is_some() || sent.scheduler_config.is_some();
            let (pipeline, job) = match echo.take() {
                Some(pipeline) if is_shown_by_job => (pipeline, self.looking().job().await?),
                Some(pipeline) => (pipeline, None),
                None => self.looking().both().await?,
            };
            let missing = missing(sent, &pipeline, job.as_ref());
            if missing.is_empty() || until.is_over() {
                return Ok(differences(&missing, &pipeline));
            }
            self.deadline.sleep(TWO_TICKS / 10).await;
        }
    }
}

/// Whether the job runs and is meant to go on.
fn runs(job: &Job) -> bool {
    let is_ending = matches!(
        job.state,
        JobState::Failing | JobState::Failed | JobState::Finishing | JobState::Finished
    );
    job.running_desired && !is_ending
}

fn baseline(before: &Job, begins_a_run: bool) -> Baseline {
    if begins_a_run {
        Baseline::acted(Some(before))
    } else {
        Baseline::found(Some(before))
    }
}

fn patch(update: &Update) -> PatchPipeline {
    let mut patch = PatchPipeline::new();
    if let Some(parallelism) = update.parallelism {
        patch = patch.parallelism(parallelism);
    }
    if let Some(interval) = update.checkpoint_interval {
        patch = patch.checkpoint_interval_micros(interval.micros());
    }
    if let Some(environment) = &update.environment {
        patch = patch.env_vars(environment.clone());
    }
    if let Some(config) = &update.scheduler_config {
        patch = patch.scheduler_config(config.clone());
    }
    patch
}

/// The settings of an update that the pipeline does not have. What its job would show is not compared if there is no job.
fn missing(update: &Update, pipeline: &Pipeline, job: Option<&Job>) -> Update {
    let Update {
        parallelism,
        checkpoint_interval,
        environment,
        scheduler_config,
    } = update;
    let has = |parallelism: u32| pipeline.graph.parallelism() == Some(parallelism);
    let interval = pipeline.checkpoint_interval_micros;
    Update {
        parallelism: parallelism.filter(|wanted| !has(wanted.get())),
        checkpoint_interval: checkpoint_interval.filter(|wanted| wanted.micros() != interval),
        environment: environment
            .clone()
            .filter(|wanted| job.is_some_and(|job| job.env_vars != *wanted)),
        scheduler_config: scheduler_config
            .clone()
            .filter(|wanted| job.is_some_and(|job| job.scheduler_config != *wanted)),
    }
}

fn differences(missing: &Update, pipeline: &Pipeline) -> Vec<Difference> {
    let parallelism = missing.parallelism.map(|wanted| Difference::Parallelism {
        wanted,
        found: pipeline.graph.parallelism().unwrap_or_default(),
    });
    let interval = missing.checkpoint_interval;
    let interval = interval.map(|wanted| Difference::CheckpointInterval {
        wanted_micros: wanted.micros(),
        found_micros: pipeline.checkpoint_interval_micros,
    });
    let environment = missing
        .environment
        .as_ref()
        .map(|_| Difference::Environment);
    let config = missing.scheduler_config.as_ref();
    let config = config.map(|_| Difference::SchedulerConfig);
    let differences = parallelism.into_iter().chain(interval);
    differences.chain(environment).chain(config).collect()
}
