//! The last observation of a job, for the error of a wait that failed.

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Job, JobState};

/// The last observation of a job before a wait for it failed.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum LastSeen {
    /// The job was in a state that does not end the wait.
    #[snafu(display("the job was last seen in {state}, run {run_id}{}", if *running_desired { "" } else { ", told to stop" }))]
    Job {
        /// The state.
        state: JobState,
        /// The run.
        run_id: u64,
        /// Whether the server intends the job to run.
        running_desired: bool,
    },
    /// The server answered that the pipeline has no job.
    #[snafu(display("the server shows no job of the pipeline"))]
    NoJob,
    /// The server did not give a usable answer to the last request.
    #[snafu(display("the last request failed{}", state.as_ref().map(|state| format!("; before that the job was in {state}")).unwrap_or_default()))]
    Request {
        /// The state seen before that.
        state: Option<JobState>,
        /// The failure of the last request.
        source: ClientError,
    },
    /// No request was answered in time.
    #[snafu(display("no request was answered in time"))]
    Nothing,
}

impl LastSeen {
    pub(crate) fn job(job: &Job) -> Self {
        Self::Job {
            state: job.state.clone(),
            run_id: job.run_id,
            running_desired: job.running_desired,
        }
    }

    /// The job's last observed state, if any.
    pub fn state(&self) -> Option<&JobState> {
        match self {
            Self::Job { state, .. } => Some(state),
            Self::Request { state, .. } => state.as_ref(),
            Self::NoJob | Self::Nothing => None,
        }
    }

    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::Request { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Records that a request failed, keeping the state seen before.
    pub(crate) fn failed(&mut self, source: ClientError) {
        *self = Self::Request {
            state: self.state().cloned(),
            source,
        };
    }
}
