//! What was last known of a job, for the error of a wait that ended without its end.

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Job, JobState};

/// What was last known of a job when a wait for it ended without its end.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum LastSeen {
    /// It was seen in a state that does not end the wait.
    #[snafu(display("the job was last seen in {state}, run {run_id}{}", if *running_desired { "" } else { ", told to stop" }))]
    Job {
        /// The state.
        state: JobState,
        /// The run.
        run_id: u64,
        /// Whether the server means the job to run.
        running_desired: bool,
    },
    /// The server answered that the pipeline has no job.
    #[snafu(display("the server shows no job of the pipeline"))]
    NoJob,
    /// The server did not answer the last request, or not with what was asked for.
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

    /// The job's state when it was last seen, if it was.
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

    /// Notes that a request failed, keeping the state seen before.
    pub(crate) fn failed(&mut self, source: ClientError) {
        *self = Self::Request {
            state: self.state().cloned(),
            source: source,
        };
    }
}
