//! Stops all pipelines that a shutdown tracks, or leaves them.

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use stepwell_arroyo::{JobId, JobState, PipelineId};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Shutdown, ShutdownEnd, ShutdownEntry, ShutdownReport, StopPolicy, Unsettled,
    panics::caught,
    registry::{
        Registry,
        entry::{Entry, EntryId, Target},
    },
    report::ShutdownError,
    stop_error::StopError,
    stop_pipeline::Stop,
};
use crate::{
    job::{record::Expected, sight::Sight},
    resolve::{
        attempt::CreateAttempt,
        settle::{Claims, SettleOutcome, settle},
    },
    session::{Deadline, Requester, need_runtime, unless},
};

/// How many requests are under way at the same time.
const AT_ONCE: usize = 64;

/// The timeout of one request of a stop.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest pause between two polls of a pipeline that is being stopped.
const POLL_CEILING: Duration = Duration::from_millis(500);

impl Shutdown {
    /// Begins the shutdown, awaits creates in flight, then stops all pipelines that submissions under it have created, started or found,
    /// concurrently and within one deadline.
    ///
    /// The [`OnShutdown`](super::OnShutdown) of each submission decides whether its pipeline is stopped. A pipeline that has ended or was
    /// detached is not listed.
    ///
    /// # Errors
    ///
    /// Fails if any pipeline that should have been stopped was not seen Stopped, Finished or Failed with `running_desired: false` after the
    /// shutdown began; the report in the error says which and why. Calling it again continues with those.
    ///
    /// # Cancel safety
    ///
    /// Requests that were sent run to completion if the future is dropped; pipelines that had not been asked to stop are not asked. The
    /// shutdown remains begun, and calling it again continues.
    pub async fn stop_all(&self, policy: StopPolicy) -> Result<ShutdownReport, ShutdownError> {
        self.registry.begin_to_stop();
        let deadline = Deadline::new(policy.deadline);
        self.deal_with_all(deadline, Some(policy)).await
    }

    /// Begins the shutdown, awaits what is in flight, and leaves all pipelines as they are, whatever their
    /// [`OnShutdown`](super::OnShutdown) says: for an orchestrator that goes away and comes back. What is listed as left is no longer tracked.
    ///
    /// Whether to stop or to leave can so be chosen when the signal comes. A [`stop_all`](Self::stop_all) before it stays a stop.
    ///
    /// # Errors
    ///
    /// Fails if at the deadline a request that creates, starts or changes something was still under way, or it was unknown what had become
    /// of a create; the report in the error says which. Calling it again continues with those.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads. The shutdown remains begun, and calling it again continues.
    pub async fn drain(&self, deadline: Duration) -> Result<ShutdownReport, ShutdownError> {
        self.registry.begin_to_drain();
        self.deal_with_all(Deadline::new(deadline), None).await
    }

    /// Stops all pipelines by the policy, or leaves them without one.
    async fn deal_with_all(
        &self,
        deadline: Deadline,
        policy: Option<StopPolicy>,
    ) -> Result<ShutdownReport, ShutdownError> {
        if need_runtime().is_err() {
            return self.stop_none();
        }
        let policy = Arc::new(policy);
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut stops = JoinSet::new();
        for id in self.registry.entry_ids() {
            let registry = Arc::clone(&self.registry);
            let policy = Arc::clone(&policy);
            let permits = Arc::clone(&permits);
            stops.spawn(async move {
                let stopping = StopEntry {
                    registry: &registry,
                    id,
                    policy: policy.as_ref().as_ref(),
                    deadline,
                    permits: &permits,
                };
                caught(Box::pin(stopping.run()))
                    .await
                    .unwrap_or_else(|message| stopping.not_stopped(Unsettled::Panicked { message }))
            });
        }
        let mut results = Vec::new();
        while let Some(stopped) = stops.join_next().await {
            match stopped {
                Ok(result) => results.extend(result),
                Err(failure) => {
                    if let Ok(panic) = failure.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
        let report = ShutdownReport {
            entries: one_for_each_pipeline(&self.registry, results),
        };
        if report.unsettled().next().is_some() {
            Err(ShutdownError { report })
        } else {
            Ok(report)
        }
    }

    /// The report of a shutdown that can stop nothing, because no runtime drives it.
    fn stop_none(&self) -> Result<ShutdownReport, ShutdownError> {
        let ids = self.registry.entry_ids().into_iter();
        let results = ids.filter_map(|id| {
            let entry = self.registry.entry(id)?;
            let not_stopped = || StopResult::not_stopped(id, &entry, Unsettled::NoRuntime);
            (!entry.is_left()).then(not_stopped)
        });
        let report = ShutdownReport {
            entries: one_for_each_pipeline(&self.registry, results.collect()),
        };
        if report.entries.is_empty() {
            return Ok(report);
        }
        Err(ShutdownError { report })
    }
}

/// The server, the pipeline and its job: under one id there may have been two pipelines, one after the other.
type JobKey = (Arc<str>, Option<PipelineId>, Option<JobId>);

/// What became of the pipeline of one submission.
struct StopResult {
    id: EntryId,
    server: Arc<str>,
    sight: Arc<Sight>,
    entry: ShutdownEntry,
}

impl StopResult {
    fn new(id: EntryId, of: &Entry, pipeline: Option<PipelineId>, end: ShutdownEnd) -> Self {
        Self {
            id,
            server: Arc::clone(of.requester.server()),
            sight: Arc::clone(&of.sight),
            entry: ShutdownEntry {
                name: of.name.as_ref().to_owned(),
                id: pipeline,
                end,
            },
        }
    }

    /// The result for a pipeline that was not stopped.
    fn not_stopped(id: EntryId, of: &Entry, error: Unsettled) -> Self {
        let since = of.since;
        let end = ShutdownEnd::Unsettled { since, error };
        Self::new(id, of, of.target.id().cloned(), end)
    }

    fn job(&self) -> JobKey {
        let server = Arc::clone(&self.server);
        (server, self.entry.id.clone(), self.sight.job())
    }

    /// Of several results for one pipeline, the lowest one holds. `deleted`: the jobs of those that were deleted.
    fn rank(&self, deleted: &HashSet<JobKey>) -> u8 {
        match self.entry.end {
            ShutdownEnd::Unsettled { .. } => 0,
            ShutdownEnd::Ended { .. } => 1,
            // The one that was deleted had the same id before.
            ShutdownEnd::Left if !deleted.contains(&self.job()) => 2,
            ShutdownEnd::Deleted => 3,
            ShutdownEnd::Left => 4,
            ShutdownEnd::NotCreated => 5,
        }
    }
}

/// Several submissions may be about the same pipeline. What is settled leaves the registry.
fn one_for_each_pipeline(registry: &Registry, mut results: Vec<StopResult>) -> Vec<ShutdownEntry> {
    let deleted = results
        .iter()
        .filter(|result| matches!(result.entry.end, ShutdownEnd::Deleted));
    let deleted = deleted.map(StopResult::job).collect();
    results.sort_by_cached_key(|result| result.rank(&deleted));
    let mut settled = HashMap::new();
    let mut entries = Vec::new();
    for result in results {
        let is_settled = !matches!(result.entry.end, ShutdownEnd::Unsettled { .. });
        let pipeline = result.entry.id.clone().map(|id| (result.server, id));
        let same = pipeline.as_ref().and_then(|key| settled.get(key)).copied();
        if same.unwrap_or(is_settled) {
            registry.remove(result.id);
        }
        if same.is_none() {
            settled.extend(pipeline.map(|key| (key, is_settled)));
            entries.push(result.entry);
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    entries
}

/// The stop of what one submission has created, started or found.
struct StopEntry<'a> {
    registry: &'a Registry,
    id: EntryId,
    /// `None` to leave it running.
    policy: Option<&'a StopPolicy>,
    deadline: Deadline,
    permits: &'a Arc<Semaphore>,
}

impl StopEntry<'_> {
    async fn run(&self) -> Option<StopResult> {
        let before = self.registry.entry(self.id)?;
        let quiet =
            tokio::time::timeout(self.deadline.remaining(), self.registry.quiet(self.id)).await;
        let Some(entry) = self.registry.entry(self.id) else {
            return match &before.target {
                Target::Attempted(attempt) => {
                    let id = attempt.id().cloned();
                    Some(StopResult::new(
                        self.id,
                        &before,
                        id,
                        ShutdownEnd::NotCreated,
                    ))
                }
                // It has just ended or been detached.
                Target::Pipeline(_) => None,
            };
        };
        let (id, end) = if self.policy.is_some() && entry.is_left() {
            (entry.target.id().cloned(), Ok(ShutdownEnd::Left))
        } else if quiet.is_err() {
            (entry.target.id().cloned(), Err(Unsettled::UnderWay))
        } else {
            let stopped = pin!(self.settle_and_stop(&entry));
            // Its submission may have seen the end; and what was discarded meanwhile may be another client's by now.
            unless(self.registry.gone(self.id), stopped).await?
        };
        let end = end.unwrap_or_else(|error| ShutdownEnd::Unsettled {
            since: entry.since,
            error,
        });
        Some(StopResult::new(self.id, &entry, id, end))
    }

    fn not_stopped(&self, error: Unsettled) -> Option<StopResult> {
        let entry = self.registry.entry(self.id)?;
        Some(StopResult::not_stopped(self.id, &entry, error))
    }

    async fn settle_and_stop(
        &self,
        entry: &Entry,
    ) -> (Option<PipelineId>, Result<ShutdownEnd, Unsettled>) {
        let requester = entry
            .requester
            .with(REQUEST_TIMEOUT, POLL_CEILING, self.permits);
        let id = match &entry.target {
            Target::Pipeline(id) => id.clone(),
            Target::Attempted(attempt) => match self.find(entry, attempt, &requester).await {
                Ok(id) => id,
                Err(not_found) => return not_found,
            },
        };
        self.registry.know(self.id, &id);
        let Some(policy) = self.policy else {
            return (Some(id), Ok(ShutdownEnd::Left));
        };
        let stop = Stop {
            requester: &requester,
            id: &id,
            sight: &entry.sight,
            mode: policy.mode.clone(),
            escalations: &policy.escalations,
            deadline: self.deadline,
            expected: Expected::any_run(),
        };
        let end = match stop.run().await {
            Ok(ending) => Ok(ShutdownEnd::Ended {
                failure: ending
                    .job
                    .failure_reason
                    .filter(|_| ending.job.state == JobState::Failed),
                state: ending.job.state,
                final_checkpoint: ending.final_checkpoint,
            }),
            Err(StopError::Vanished { .. }) => Ok(ShutdownEnd::Deleted),
            Err(error) => Err(Unsettled::Stop {
                source: Box::new(error),
            }),
        };
        (Some(id), end)
    }

    /// Looks for the pipeline of a create that was not answered.
    async fn find(
        &self,
        entry: &Entry,
        attempt: &CreateAttempt,
        requester: &Requester,
    ) -> Result<PipelineId, (Option<PipelineId>, Result<ShutdownEnd, Unsettled>)> {
        let chosen = || attempt.id().cloned();
        // A quarter of the time is reserved for the stop itself.
        let left = self.deadline.remaining();
        let look = self.deadline.within(left.mul_f64(0.75));
        let claims = Claims {
            registry: self.registry,
            server: requester.server(),
            by: self.id,
        };
        Err(match settle(requester, attempt, claims, look).await {
            SettleOutcome::Found(pipeline) => return Ok(pipeline.id),
            // Another client's pipeline has that id, so ours was refused.
            SettleOutcome::Conflict(_) => (chosen(), Ok(ShutdownEnd::NotCreated)),
            SettleOutcome::Ambiguous(pipelines) => {
                let ids = pipelines.into_iter().map(|pipeline| pipeline.id).collect();
                (None, Err(Unsettled::Ambiguous { ids }))
            }
            SettleOutcome::Absent | SettleOutcome::Failed(_) if entry.refused.is_some() => {
                let refusal = entry.refused.as_deref().unwrap_or_default().to_owned();
                (chosen(), Err(Unsettled::Refused { refusal }))
            }
            SettleOutcome::Absent => (chosen(), Err(Unsettled::Absent)),
            SettleOutcome::Failed(source) => (chosen(), Err(Unsettled::Look { source })),
        })
    }
}
