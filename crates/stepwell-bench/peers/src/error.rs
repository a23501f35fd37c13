use snafu::Snafu;

/// What a client of either kind fails with.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A submission or a search that did not come to its end.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum PeerError {
    /// The HTTP client could not be built.
    #[snafu(display("the HTTP client could not be built"))]
    Build {
        /// Why.
        source: reqwest::Error,
    },
    /// No ping was answered.
    #[snafu(display("the server did not answer a ping"))]
    NotUp {
        /// Why the last ping failed.
        source: Cause,
    },
    /// A request failed, its status was none of success, or its reply could not be decoded.
    #[snafu(display("{request} failed"))]
    Request {
        /// Which: `create`, for example.
        request: &'static str,
        /// Why.
        source: Cause,
    },
    /// The query does not pass validation.
    #[snafu(display("the query is invalid: {}", messages.join("; ")))]
    Invalid {
        /// What the server says of it.
        messages: Vec<String>,
    },
    /// The pipeline has no job.
    #[snafu(display("pipeline {id} has no job"))]
    NoJob {
        /// The pipeline.
        id: String,
    },
    /// The job failed before it was seen running.
    #[snafu(display("the job of pipeline {id} failed"))]
    Failed {
        /// The pipeline.
        id: String,
    },
}
