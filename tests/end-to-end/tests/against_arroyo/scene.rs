//! What a scenario works with: unique names and queries, and the clean-up.

use std::{
    collections::{BTreeSet, hash_map::RandomState},
    hash::{BuildHasher as _, Hasher as _},
    io::{self, Write as _},
    num::NonZeroU32,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use end_to_end::Generation;
use http::StatusCode;
use stepwell::{
    Error, Options, PipelineSpec, SharedTransport, StopMode, Submission,
    arroyo::{Client, CreatePipeline, Job, JobState, PatchPipeline, Pipeline, PipelineId},
    error::StopError,
    spec::PipelineSpecBuilder,
    state::{Running, Unconnected, Validated},
};
use tokio::time::Instant;

use crate::{
    failure::{Failure, unexpected},
    server::Server,
};

/// No step takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// How long after the last delete to look again: a create that was in progress may become visible late.
const LATE: Duration = Duration::from_secs(1);

/// The prefix of all names in this run. Other runs have other prefixes, including an earlier one that was killed.
static RUN: LazyLock<String> = LazyLock::new(|| {
    let mut hash = RandomState::new().build_hasher();
    hash.write_u32(std::process::id());
    format!("against-{:08x}", hash.finish() >> 32)
});

/// The parallelism of every pipeline: an external server may have few slots.
const ONE: NonZeroU32 = NonZeroU32::MIN;

pub(crate) struct Scene {
    pub(crate) server: Server,
    scenario: String,
    transport: SharedTransport,
    /// Ids that are known before the create, which allow deleting what a list does not show.
    ids: Mutex<BTreeSet<PipelineId>>,
}

impl Scene {
    pub(crate) fn new(server: Server, scenario: &str) -> Result<Self, Failure> {
        Ok(Self {
            transport: server.transport()?,
            server,
            scenario: scenario.to_owned(),
            ids: Mutex::default(),
        })
    }

    pub(crate) fn transport(&self) -> SharedTransport {
        self.transport.clone()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.transport())
    }

    /// Prints a line even if the test passes: the test harness captures what `println` prints.
    pub(crate) fn say(&self, text: &str) {
        let _ = writeln!(io::stdout(), "{}: {text}", self.scenario);
    }

    /// The prefix of the names of this scenario's pipelines.
    fn prefix(&self) -> String {
        format!("{}-{}-", *RUN, self.scenario)
    }

    pub(crate) fn name(&self, what: &str) -> String {
        format!("{}{what}", self.prefix())
    }

    /// A unique id of at most 64 characters.
    pub(crate) fn id(what: &str) -> String {
        format!("{}-{what}", *RUN)
    }

    /// A query on an impulse table with these options. It contains the name, so that it is unique.
    pub(crate) fn query(&self, what: &str, impulse: &str, select: &str) -> String {
        format!(
            "-- {}\n\
             CREATE TABLE impulse WITH (connector = 'impulse', {impulse});\n\
             CREATE TABLE nowhere (n BIGINT) WITH (connector = 'blackhole');\n\
             INSERT INTO nowhere SELECT {select} AS n FROM impulse;\n",
            self.name(what)
        )
    }

    /// A spec with this query. It is created regardless of the other pipelines on the server.
    pub(crate) fn spec(&self, what: &str, query: &str) -> PipelineSpecBuilder {
        let name = self.name(what);
        self.note(&PipelineId::for_spec("", &name, query));
        PipelineSpec::builder(query)
            .name(name)
            .parallelism(ONE)
            .force(true)
    }

    /// A spec that runs until it is stopped.
    pub(crate) fn endless(&self, what: &str) -> PipelineSpecBuilder {
        let query = self.query(what, "event_rate = '50'", "CAST(counter AS BIGINT)");
        self.spec(what, &query)
    }

    /// A spec that runs until it is stopped and is busy with a row most of the time, which it must complete before it can stop.
    pub(crate) fn busy(&self, what: &str) -> PipelineSpecBuilder {
        let row = "CAST(CHARACTER_LENGTH(REPLACE(REPEAT(CAST(counter AS TEXT), 500000), '1', 'ab')) AS BIGINT)";
        let query = self.query(what, "event_rate = '20'", row);
        self.spec(what, &query)
    }

    /// A spec that finishes as soon as it runs.
    pub(crate) fn finite(&self, what: &str) -> PipelineSpecBuilder {
        let query = self.query(
            what,
            "event_rate = '1000', message_count = '1'",
            "CAST(counter AS BIGINT)",
        );
        self.spec(what, &query)
    }

    /// A spec that fails on row number `row`, one second per row (recording `360_create_div_by_zero`).
    pub(crate) fn failing(&self, what: &str, row: u32) -> PipelineSpecBuilder {
        let select = format!("100 / ({row} - CAST(counter AS BIGINT))");
        let query = self.query(what, "event_rate = '1'", &select);
        self.spec(what, &query)
    }

    pub(crate) fn submission(&self, spec: PipelineSpec) -> Submission<Unconnected> {
        Submission::builder(self.transport(), spec)
            .options(options())
            .build()
    }

    pub(crate) async fn validated(
        &self,
        spec: PipelineSpec,
    ) -> Result<Submission<Validated>, Failure> {
        Ok(self.submission(spec).connect().await?.validate().await?)
    }

    pub(crate) async fn running(&self, spec: PipelineSpec) -> Result<Submission<Running>, Failure> {
        let registered = self.validated(spec).await?.resolve().await?.register();
        Ok(registered.wait_until_running().await?)
    }

    /// Stops the pipeline. Where a stop may end as Failed, that is accepted too.
    pub(crate) async fn stopped(&self, running: Submission<Running>) -> Result<Job, Failure> {
        let error = match running.stop().await {
            Ok(stopped) => return Ok(stopped.job().clone()),
            Err(error) => error.into_error(),
        };
        match error {
            Error::Stop {
                source: StopError::EndedOtherwise { job, .. },
            } if self.generation().await?.can_fail_to_stop(&job) => Ok(*job),
            error => Err(unexpected(&error)),
        }
    }

    /// Creates a pipeline as another client would: under an id that the server chooses.
    pub(crate) async fn made_elsewhere(&self, spec: &PipelineSpec) -> Result<PipelineId, Failure> {
        let create = CreatePipeline::new(spec.name(), spec.query(), ONE);
        Ok(self.client().create(&create).await?.id)
    }

    pub(crate) async fn patch_stop(&self, id: &PipelineId, mode: StopMode) -> Result<(), Failure> {
        let patch = PatchPipeline::new().stop(mode);
        self.client().patch(id, &patch).await?;
        Ok(())
    }

    pub(crate) async fn job(&self, id: &PipelineId) -> Result<Job, Failure> {
        let jobs = self.client().jobs(id).await?;
        jobs.into_iter()
            .next()
            .ok_or_else(|| Failure::new(format!("pipeline {id} has no job")))
    }

    /// Polls a job, without pauses, until it is in one of these states.
    pub(crate) async fn until(&self, id: &PipelineId, states: &[JobState]) -> Result<Job, Failure> {
        let looked = tokio::time::timeout(PATIENCE, async {
            loop {
                let job = self.job(id).await?;
                if states.contains(&job.state) {
                    return Ok(job);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        looked.await?
    }

    /// The pipelines of this scenario that the server has.
    pub(crate) async fn ours(&self) -> Result<Vec<Pipeline>, Failure> {
        self.ours_by(&self.client()).await
    }

    /// As [`ours`](Self::ours), but read through this client.
    pub(crate) async fn ours_by(&self, client: &Client) -> Result<Vec<Pipeline>, Failure> {
        let mut pipelines = client.all_pipelines().await?;
        let prefix = self.prefix();
        pipelines.retain(|pipeline| pipeline.name.starts_with(&prefix));
        Ok(pipelines)
    }

    /// The generation of the server, detected from its replies: only servers after 0.15 have `PUT`.
    pub(crate) async fn generation(&self) -> Result<Generation, Failure> {
        let id = PipelineId::new(Self::id("probe"))?;
        self.note(&id);
        // No server accepts this query, so nothing is created.
        let probe = CreatePipeline::new(self.name("probe"), "", ONE);
        match self.client().create_with_id(&id, &probe).await {
            Ok(_) => Err(Failure::new("the server took an empty query")),
            Err(error) if error.status() == Some(StatusCode::METHOD_NOT_ALLOWED) => {
                Ok(Generation::V0_15)
            }
            Err(error) if error.status() == Some(StatusCode::BAD_REQUEST) => Ok(Generation::V0_16),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn note(&self, id: &PipelineId) {
        self.noted().insert(id.clone());
    }

    fn noted(&self) -> MutexGuard<'_, BTreeSet<PipelineId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops and deletes everything that this scenario may have created, and nothing else. After a failure a create may still be in
    /// progress.
    pub(crate) async fn clean_up(&self, failed: bool) -> Result<(), Failure> {
        let late = if failed { LATE } else { Duration::ZERO };
        let deadline = Instant::now() + PATIENCE * 2;
        let mut problem = None;
        loop {
            match tokio::time::timeout_at(deadline, self.sweep(late)).await {
                Ok(Ok(())) => return Ok(()),
                // A server that is being restarted does not answer.
                Ok(Err(failure)) => problem = Some(failure),
                Err(_) => break,
            }
            tokio::time::sleep(LATE).await;
        }
        let left = Failure::new(format!(
            "the server was not cleaned up; the names of what may be left there begin with {:?}",
            self.prefix()
        ));
        Err(match problem {
            Some(problem) => left.and(&problem),
            None => left,
        })
    }

    async fn sweep(&self, late: Duration) -> Result<(), Failure> {
        let noted = self.noted().clone();
        for id in &noted {
            self.remove(id).await?;
        }
        loop {
            let ours = self.ours().await?;
            if ours.is_empty() {
                return Ok(());
            }
            for pipeline in &ours {
                self.remove(&pipeline.id).await?;
            }
            tokio::time::sleep(late).await;
        }
    }

    async fn remove(&self, id: &PipelineId) -> Result<(), Failure> {
        let client = self.client();
        // The delete is refused until the job has ended.
        loop {
            match client.delete(id).await {
                Ok(()) => return Ok(()),
                Err(error) => match error.status() {
                    Some(StatusCode::NOT_FOUND) => return Ok(()),
                    Some(StatusCode::BAD_REQUEST) => {}
                    _ => return Err(error.into()),
                },
            }
            // Whether the stop was accepted shows in the next delete.
            let _ = self.patch_stop(id, StopMode::Immediate).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn close(&self) -> Result<(), Failure> {
        self.server.close().await
    }
}

pub(crate) fn options() -> Options {
    Options::default()
        .with_running_timeout(PATIENCE)
        .with_stop_timeout(PATIENCE)
}
