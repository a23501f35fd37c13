//! Stops all pipelines that a shutdown tracks.

use std::{sync::Arc, time::Duration};

use stepwell_arroyo::JobState;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Shutdown, ShutdownEnd, ShutdownEntry, ShutdownReport, StopPolicy, Unsettled,
    panics::caught,
    registry::{
        Registry,
        entry::{Entry, EntryId, Target},
    },
    report::ShutdownError,
    stop_pipeline::Stop,
};
use crate::{
    job::record::Expected,
    resolve::settle::{Claims, SettleOutcome, settle},
    session::{Deadline, need_runtime},
};

/// How many pipelines are stopped concurrently.
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
        self.begin();
        if need_runtime().is_err() {
            return self.stop_none();
        }
        let deadline = Deadline::new(policy.deadline);
        let policy = Arc::new(policy);
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut stops = JoinSet::new();
        for id in self.registry.entry_ids() {
            let registry = Arc::clone(&self.registry);
            let policy = Arc::clone(&policy);
            let permits = Arc::clone(&permits);
            stops.spawn(async move {
                // The semaphore is never closed.
                let _permit = permits.acquire().await;
                let stop = stop_entry(&registry, id, &policy, deadline);
                caught(stop).await.unwrap_or_else(|message| {
                    not_stopped(&registry, id, Unsettled::Panicked { message })
                })
            });
        }
        let mut report = ShutdownReport::default();
        while let Some(stopped) = stops.join_next().await {
            match stopped {
                Ok(entry) => report.entries.extend(entry),
                Err(failure) => {
                    if let Ok(panic) = failure.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
        report
            .entries
            .sort_by(|one, other| one.name.cmp(&other.name));
        if report.unsettled().next().is_some() {
            Err(ShutdownError { report })
        } else {
            Ok(report)
        }
    }
}

impl Shutdown {
    /// The report of a shutdown that can stop nothing, because no runtime drives it.
    fn stop_none(&self) -> Result<ShutdownReport, ShutdownError> {
        let ids = self.registry.entry_ids().into_iter();
        let entries = ids.filter_map(|id| match self.registry.entry(id)? {
            entry if entry.is_left() => None,
            _ => not_stopped(&self.registry, id, Unsettled::NoRuntime),
        });
        let report = ShutdownReport {
            entries: entries.collect(),
        };
        if report.entries.is_empty() {
            return Ok(report);
        }
        Err(ShutdownError { report })
    }
}

/// The entry of a pipeline that was not stopped.
fn not_stopped(registry: &Registry, id: EntryId, error: Unsettled) -> Option<ShutdownEntry> {
    let entry = registry.entry(id)?;
    Some(ShutdownEntry {
        name: entry.name.as_ref().to_owned(),
        id: entry.target.id().cloned(),
        end: ShutdownEnd::Unsettled {
            since: entry.since,
            error,
        },
    })
}

async fn stop_entry(
    registry: &Registry,
    entry_id: EntryId,
    policy: &StopPolicy,
    deadline: Deadline,
) -> Option<ShutdownEntry> {
    let before = registry.entry(entry_id)?;
    let quiet = tokio::time::timeout(deadline.remaining(), registry.quiet(entry_id)).await;
    let Some(entry) = registry.entry(entry_id) else {
        return match before.target {
            Target::Attempted(attempt) => Some(ShutdownEntry {
                name: before.name.as_ref().to_owned(),
                id: attempt.id().cloned(),
                end: ShutdownEnd::NotCreated,
            }),
            // It has just ended or been detached.
            Target::Pipeline(_) => None,
        };
    };
    let (id, end) = if entry.is_left() {
        (entry.target.id().cloned(), Ok(ShutdownEnd::Left))
    } else if quiet.is_err() {
        (entry.target.id().cloned(), Err(Unsettled::UnderWay))
    } else {
        settle_and_stop(registry, entry_id, &entry, policy, deadline).await
    };
    let end = end.unwrap_or_else(|error| ShutdownEnd::Unsettled {
        since: entry.since,
        error,
    });
    if !matches!(end, ShutdownEnd::Unsettled { .. }) {
        registry.remove(entry_id);
    }
    Some(ShutdownEntry {
        name: entry.name.as_ref().to_owned(),
        id,
        end,
    })
}

async fn settle_and_stop(
    registry: &Registry,
    entry_id: EntryId,
    entry: &Entry,
    policy: &StopPolicy,
    deadline: Deadline,
) -> (
    Option<stepwell_arroyo::PipelineId>,
    Result<ShutdownEnd, Unsettled>,
) {
    let requester = entry.requester.with(REQUEST_TIMEOUT, POLL_CEILING);
    let id = match &entry.target {
        Target::Pipeline(id) => id.clone(),
        Target::Attempted(attempt) => {
            // A quarter of the time is reserved for the stop itself.
            let look = deadline.within(deadline.remaining().mul_f64(0.75));
            let claims = Claims {
                registry,
                server: requester.server(),
                by: entry_id,
            };
            match settle(&requester, attempt, claims, look).await {
                SettleOutcome::Found(pipeline) => pipeline.id,
                SettleOutcome::Conflict(_) => {
                    // Another client's pipeline has that id, so ours was refused.
                    return (attempt.id().cloned(), Ok(ShutdownEnd::NotCreated));
                }
                SettleOutcome::Ambiguous(pipelines) => {
                    let ids = pipelines.into_iter().map(|pipeline| pipeline.id).collect();
                    return (None, Err(Unsettled::Ambiguous { ids }));
                }
                SettleOutcome::Absent | SettleOutcome::Failed(_) if entry.refused.is_some() => {
                    let refusal = entry.refused.as_deref().unwrap_or_default().to_owned();
                    return (attempt.id().cloned(), Err(Unsettled::Refused { refusal }));
                }
                SettleOutcome::Absent => return (attempt.id().cloned(), Err(Unsettled::Absent)),
                SettleOutcome::Failed(error) => {
                    return (
                        attempt.id().cloned(),
                        Err(Unsettled::Look { source: error }),
                    );
                }
            }
        }
    };
    registry.know(entry_id, &id);
    let stop = Stop {
        requester: &requester,
        id: &id,
        sight: &entry.sight,
        mode: policy.mode.clone(),
        escalations: &policy.escalations,
        deadline,
        // Which runs were requested is not known here, only whether the job recovers or fails.
        expected: Expected {
            run_id: u64::MAX,
            old_run: None,
        },
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
        Err(error) => Err(Unsettled::Stop {
            source: Box::new(error),
        }),
    };
    (Some(id), end)
}
