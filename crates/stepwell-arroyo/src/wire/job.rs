use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize};

use super::named::named;
use crate::{JobId, PipelineId};

named! {
    /// The state of a job. The known states are those in the recorded timelines and in the server's source.
    ///
    /// ```
    /// use stepwell_arroyo::JobState;
    ///
    /// assert!(JobState::Failed.is_terminal());
    /// assert_eq!(JobState::from("Migrating"), JobState::Other("Migrating".to_owned()));
    /// ```
    pub enum JobState {
        /// It was just created.
        Created = "Created",
        /// Its program is being compiled. This has never been seen from outside.
        Compiling = "Compiling",
        /// Its workers are being started.
        Scheduling = "Scheduling",
        /// It is running.
        Running = "Running",
        /// Its parallelism is being changed.
        Rescaling = "Rescaling",
        /// It is taking its final checkpoint.
        CheckpointStopping = "CheckpointStopping",
        /// It is stopping.
        Stopping = "Stopping",
        /// It has stopped. With `running_desired`, it is about to start again.
        Stopped = "Stopped",
        /// It is starting again after an error that may be transient.
        Recovering = "Recovering",
        /// It is starting again because a restart was requested.
        Restarting = "Restarting",
        /// Its sources have ended.
        Finishing = "Finishing",
        /// It has ended by itself, and cannot be started again.
        Finished = "Finished",
        /// It is about to fail.
        Failing = "Failing",
        /// It has failed. A restart starts it again.
        Failed = "Failed",
    }
}

named! {
    /// The origin of a failure.
    pub enum ErrorDomain {
        /// The query, its data, its files.
        User = "user",
        /// Another system.
        External = "external",
        /// The server itself.
        Internal = "internal",
    }
}

named! {
    /// The severity of an entry in a job's log.
    pub enum JobErrorLevel {
        /// For information.
        Info = "info",
        /// Something was skipped.
        Warn = "warn",
        /// Something failed.
        Error = "error",
    }
}

impl JobState {
    /// Whether the job does not leave this state by itself: Stopped, Finished or Failed.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Stopped | Self::Finished | Self::Failed)
    }
}

/// The run of a pipeline (`GET /api/v1/pipelines/{id}/jobs`, recording `103_get_jobs_running`). A pipeline has one job, which may run
/// many times. `Debug` shows neither the environment nor the scheduler's configuration.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its pipeline; absent on servers up to 0.15.
    #[serde(alias = "pipelineId", default)]
    pub pipeline_id: Option<PipelineId>,
    /// Whether the server intends it to run.
    #[serde(alias = "runningDesired")]
    pub running_desired: bool,
    /// Its state. The controller acts every 0.5 s, so the state lags behind requests.
    pub state: JobState,
    /// The number of its run, which increases with every start.
    #[serde(alias = "runId", default)]
    pub run_id: u64,
    /// When it last became Running, in microseconds of Unix time.
    #[serde(alias = "startTime", default)]
    pub start_time: Option<u64>,
    /// When it last ended, in microseconds of Unix time. It is only cleared when the job is Running again.
    #[serde(alias = "finishTime", default)]
    pub finish_time: Option<u64>,
    /// The number of its tasks.
    #[serde(default)]
    pub tasks: Option<u64>,
    /// Why it failed. Up to 0.15 it is only a text (`failure_message`, earlier `failureMessage`).
    #[serde(
        alias = "failure_message",
        alias = "failureMessage",
        default,
        deserialize_with = "failure"
    )]
    pub failure_reason: Option<FailureReason>,
    /// When it was created, in microseconds of Unix time.
    #[serde(alias = "createdAt")]
    pub created_at: u64,
    /// The overlay on the scheduler's configuration; an empty object means none, as on servers up to 0.15.
    #[serde(default = "no_overlay")]
    pub scheduler_config: serde_json::Value,
    /// The environment of its workers; empty on servers up to 0.15.
    #[serde(default, deserialize_with = "environment")]
    pub env_vars: BTreeMap<String, String>,
}

/// Why a job failed (recording `301_missing_file_jobs`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailureReason {
    /// The server's message.
    pub error: String,
    /// The origin of the failure; absent on servers up to 0.15.
    #[serde(default)]
    pub domain: Option<ErrorDomain>,
}

/// An entry in the log of a job (`GET …/jobs/{id}/errors`, recording `301_missing_file_errors`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobError {
    /// Its id.
    pub id: String,
    /// When it was logged, in microseconds of Unix time.
    #[serde(alias = "createdAt")]
    pub created_at: u64,
    /// The operator that logged it.
    #[serde(alias = "operatorId", default)]
    pub operator_id: Option<String>,
    /// The subtask that logged it.
    #[serde(alias = "taskIndex", default)]
    pub task_index: Option<u64>,
    /// Its severity.
    pub level: JobErrorLevel,
    /// What happened, such as `task failed`.
    pub message: String,
    /// The text of the error.
    #[serde(default)]
    pub details: String,
    /// The origin of the failure; absent on servers up to 0.15.
    #[serde(alias = "errorDomain", default)]
    pub error_domain: Option<ErrorDomain>,
}

impl Job {
    /// A job that was just created and has not run.
    pub fn new(id: JobId, pipeline_id: PipelineId, created_at: u64) -> Self {
        Self {
            id,
            pipeline_id: Some(pipeline_id),
            running_desired: true,
            state: JobState::Created,
            run_id: 0,
            start_time: None,
            finish_time: None,
            tasks: None,
            failure_reason: None,
            created_at,
            scheduler_config: no_overlay(),
            env_vars: BTreeMap::new(),
        }
    }
}

fn no_overlay() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

impl FailureReason {
    /// Creates a reason.
    pub fn new(error: impl Into<String>, domain: ErrorDomain) -> Self {
        Self {
            error: error.into(),
            domain: Some(domain),
        }
    }
}

impl JobError {
    /// The entry that a server logs for rows that a source could not read and dropped (recording `378_bad_data_drop_nowait_errors`).
    pub fn data_dropped(
        id: impl Into<String>,
        created_at: u64,
        operator_id: impl Into<String>,
        rows: u64,
        details: impl Into<String>,
    ) -> Self {
        Self {
            operator_id: Some(operator_id.into()),
            message: format!("Dropping invalid data ({rows})"),
            ..Self::task_failed(id, created_at, details, ErrorDomain::External)
        }
    }

    /// The entry that a server logs for a failed task.
    pub fn task_failed(
        id: impl Into<String>,
        created_at: u64,
        details: impl Into<String>,
        domain: ErrorDomain,
    ) -> Self {
        Self {
            id: id.into(),
            created_at,
            operator_id: Some(String::new()),
            task_index: Some(0),
            level: JobErrorLevel::Error,
            message: "task failed".to_owned(),
            details: details.into(),
            error_domain: Some(domain),
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Job")
            .field("id", &self.id)
            .field("pipeline_id", &self.pipeline_id)
            .field("running_desired", &self.running_desired)
            .field("state", &self.state)
            .field("run_id", &self.run_id)
            .field("start_time", &self.start_time)
            .field("finish_time", &self.finish_time)
            .field("tasks", &self.tasks)
            .field("failure_reason", &self.failure_reason)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// Decodes a reason with its domain, or a text.
fn failure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FailureReason>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Reason(FailureReason),
        Text(String),
    }
    Ok(
        Option::<Either>::deserialize(deserializer)?.map(|either| match either {
            Either::Reason(reason) => reason,
            Either::Text(error) => FailureReason {
                error,
                domain: None,
            },
        }),
    )
}

/// Decodes a map of texts. Anything else counts as an empty one.
fn environment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
