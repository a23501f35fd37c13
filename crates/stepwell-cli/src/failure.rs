//! The failure of a command: its message with the causes, and its exit code.

use std::{error::Error as StdError, path::PathBuf, time::Duration};

use snafu::Snafu;
use stepwell::{
    Error, JobState, PipelineId, TransitionError,
    arroyo::{ClientError, EndpointError, Job, JobError, SqlDiagnostic, readable},
    error::Chain,
    hyper::HyperTransportError,
    shutdown::{ShutdownEnd, ShutdownReport},
    spec::SpecError,
    state::State,
    transport::{TokenError, words::Time},
};

use crate::{
    diagnostic::NamedQuery, exit::Exit, find::Ambiguous, interruption::Interruption, output::logged,
};

#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub(crate) enum Failure {
    #[snafu(display("could not read the query from {}", path.display()))]
    ReadQuery {
        path: PathBuf,
        source: std::io::Error,
    },
    #[snafu(display("the query in {query} is not UTF-8"))]
    NotText { query: String },
    #[snafu(display("the query in {query} has {bytes} bytes; a server takes at most 2 MB"))]
    TooLong { query: String, bytes: u64 },
    #[snafu(display("could not read the user-defined function in {}", path.display()))]
    ReadUdf {
        path: PathBuf,
        source: std::io::Error,
    },
    #[snafu(display("{} is neither .rs nor .py, so the language of the function is not known", path.display()))]
    UdfLanguage { path: PathBuf },
    #[snafu(display("the options of the pipeline are not valid"))]
    Spec { source: SpecError },
    #[snafu(display("could not read the token"))]
    Token { source: TokenError },
    #[snafu(display("--server cannot be used"))]
    Server { source: EndpointError },
    #[snafu(display("the connection could not be set up"))]
    Transport { source: HyperTransportError },
    #[snafu(display("no server is given"))]
    NoServer,
    #[snafu(display("{message}"))]
    Usage { message: String },
    #[cfg(feature = "embedded")]
    #[snafu(display("the embedded engine could not be started"))]
    Engine {
        source: stepwell_embedded::EngineError,
    },
    #[snafu(display(
        "the state could not be saved, so the pipeline has ended without a final checkpoint and continues from the one before: {cause}"
    ))]
    NotSaved { cause: String },
    #[cfg(feature = "embedded")]
    #[snafu(display("the state in {} could not be read", path.display()))]
    State {
        path: PathBuf,
        source: stepwell_embedded::EngineError,
    },
    #[snafu(display(
        "{} is in use by {}, which does not say where it can be reached",
        path.display(),
        pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"))
    ))]
    InUse { path: PathBuf, pid: Option<u32> },
    #[snafu(display(
        "no process uses {}, so nothing runs there; stepwell run with this --state-dir starts what is in it",
        directory.display()
    ))]
    NothingRuns { directory: PathBuf },
    #[snafu(display("could not make a directory for the state in {}", path.display()))]
    StateDirectory {
        path: PathBuf,
        source: std::io::Error,
    },
    #[snafu(display("the query in {} is not valid", query.name))]
    Invalid {
        query: NamedQuery,
        diagnostics: Vec<SqlDiagnostic>,
    },
    #[snafu(transparent)]
    Step { source: Error },
    #[snafu(transparent)]
    Call { source: ClientError },
    /// Some pipelines were not stopped. `first` is the failure that ended the command, unless it was a signal.
    #[snafu(display("{}", unsettled_text(report, *ends_with_us)))]
    Unsettled {
        first: Option<Box<Self>>,
        report: ShutdownReport,
        /// Whether the pipelines run in this process.
        ends_with_us: bool,
    },
    #[snafu(transparent)]
    Ambiguous { source: Ambiguous },
    #[snafu(display("pipeline {id} {reason}"))]
    JobFailed { id: String, reason: String },
    #[snafu(display("pipeline {id} is {state}, so it was not updated; start it first"))]
    NotRunning { id: String, state: JobState },
    #[snafu(display("pipeline {id} is {state}, so it cannot become {awaited} any more"))]
    Never {
        id: String,
        state: JobState,
        awaited: JobState,
    },
    #[snafu(display(
        "pipeline {id} was not {awaited} within {}; {}",
        Time(*timeout),
        state.as_ref().map_or_else(|| "its job was not seen".to_owned(), |state| format!("it is {state}"))
    ))]
    Late {
        id: PipelineId,
        awaited: JobState,
        timeout: Duration,
        /// The state that it was last seen in.
        state: Option<JobState>,
    },
    #[snafu(display("interrupted by {signal}{}", left.as_ref().map(|left| format!("; {left}")).unwrap_or_default()))]
    Interrupted {
        signal: Interruption,
        /// What may be left behind.
        left: Option<String>,
    },
    #[snafu(display("pipeline {id} was stopped by another client"))]
    StoppedElsewhere { id: String },
    #[snafu(display("standard output could not be written"))]
    StandardOutput { source: std::io::Error },
    #[snafu(display("the tokio runtime could not be started"))]
    Runtime { source: std::io::Error },
    #[snafu(display("the query was not read"))]
    NoQuery,
    #[snafu(display("signals cannot be handled"))]
    Signals { source: std::io::Error },
    #[cfg(feature = "embedded")]
    #[snafu(display(
        "the embedded engine runs at most {most} subtasks of a pipeline, not {asked}"
    ))]
    Parallelism { asked: u32, most: u32 },
}

impl<S: State> From<TransitionError<S>> for Failure {
    fn from(failure: TransitionError<S>) -> Self {
        failure.into_error().into()
    }
}

/// The pipelines that were not seen stopped, each with the reason.
fn unsettled_text(report: &ShutdownReport, ends_with_us: bool) -> String {
    let texts: Vec<_> = report
        .unsettled()
        .map(|entry| {
            let id = entry
                .id
                .as_ref()
                .map_or(String::new(), |id| format!(" ({id})"));
            let left = left_behind(ends_with_us);
            let why = match &entry.end {
                ShutdownEnd::Unsettled { error, .. } => Chain(error).to_string(),
                _ => String::new(),
            };
            format!("pipeline {:?}{id} {left}: {why}", entry.name)
        })
        .collect();
    texts.join("; ")
}

/// What happens to a pipeline that was not stopped, by whether it runs in this process.
pub(crate) fn left_behind(ends_with_us: bool) -> &'static str {
    if ends_with_us {
        "ends without a final checkpoint"
    } else {
        "may still be running"
    }
}

/// Why a job failed: the server's reason with its domain, or else the newest error that the job has logged.
pub(crate) fn reason(job: Option<&Job>, newest: Option<&JobError>) -> String {
    let why = match (job.and_then(|job| job.failure_reason.as_ref()), newest) {
        (Some(reason), _) => match &reason.domain {
            _ if reason.error.is_empty() => "; the server gives no reason".to_owned(),
            Some(domain) => format!(" ({domain} error): {}", readable(&reason.error)),
            None => format!(": {}", readable(&reason.error)),
        },
        (None, Some(error)) => format!(": {}", logged(error)),
        (None, None) => "; the server gives no reason".to_owned(),
    };
    format!("failed{why}")
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::ReadQuery { .. }
            | Self::NotText { .. }
            | Self::ReadUdf { .. }
            | Self::UdfLanguage { .. }
            | Self::Spec { .. }
            | Self::Server { .. }
            | Self::NoServer
            | Self::Usage { .. } => Exit::Usage,
            Self::TooLong { .. } | Self::Invalid { .. } => Exit::InvalidQuery,
            Self::Token { source } => match source {
                TokenError::Unreadable { .. } => Exit::Usage,
                _ => Exit::CannotConnect,
            },
            Self::Transport { source } => match source {
                HyperTransportError::CaFile { .. }
                | HyperTransportError::NoCertificate { .. }
                | HyperTransportError::ClientCertificateFile { .. }
                | HyperTransportError::NoClientCertificate { .. }
                | HyperTransportError::ClientKeyFile { .. }
                | HyperTransportError::NoClientKey { .. }
                | HyperTransportError::EncryptedClientKey { .. }
                | HyperTransportError::ClientKeyMismatch { .. } => Exit::Usage,
                _ => Exit::CannotConnect,
            },
            #[cfg(feature = "embedded")]
            Self::Engine { .. } | Self::State { .. } => Exit::Unexpected,
            Self::NotSaved { .. }
            | Self::StateDirectory { .. }
            | Self::InUse { .. }
            | Self::StoppedElsewhere { .. }
            | Self::StandardOutput { .. }
            | Self::Runtime { .. }
            | Self::NoQuery
            | Self::Signals { .. } => Exit::Unexpected,
            Self::Ambiguous { .. }
            | Self::NothingRuns { .. }
            | Self::NotRunning { .. }
            | Self::Never { .. } => Exit::Refused,
            Self::Late { .. } => Exit::DeadlinePassed,
            Self::Step { source } => Exit::of(source),
            Self::Call { source } => Exit::of_client(source, Exit::Unexpected),
            Self::Unsettled { .. } => Exit::Unknown,
            Self::JobFailed { .. } => Exit::JobFailed,
            Self::Interrupted { signal, .. } => Exit::Interrupted(*signal),
            #[cfg(feature = "embedded")]
            Self::Parallelism { .. } => Exit::Usage,
        }
    }

    /// The failures in the order in which they happened, with this one last.
    pub(crate) fn in_order(&self) -> Vec<&Self> {
        match self {
            Self::Unsettled {
                first: Some(first), ..
            } => vec![first, self],
            _ => vec![self],
        }
    }

    /// The ids and names of the pipelines that may still be running.
    pub(crate) fn may_be_running(&self) -> Vec<serde_json::Value> {
        let Self::Unsettled {
            report,
            ends_with_us: false,
            ..
        } = self
        else {
            return Vec::new();
        };
        let known = report.unsettled().map(|entry| {
            let id = entry.id.as_ref().map(PipelineId::as_str);
            serde_json::json!({"id": id, "name": entry.name})
        });
        known.collect()
    }

    /// The causes of the failure, outermost first, without repetitions.
    pub(crate) fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut source = self.source();
        while let Some(error) = source {
            let text = error.to_string();
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            source = error.source();
        }
        causes
    }
}
