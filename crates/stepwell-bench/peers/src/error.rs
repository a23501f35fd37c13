use snafu::Snafu;

/// The error of either client.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A submission or a search that failed.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum PeerError {
    /// The HTTP client could not be built.
    #[snafu(display("the HTTP client could not be built"))]
    Build {
        /// The cause.
        source: reqwest::Error,
    },
    /// The server answered no ping.
    #[snafu(display("the server did not answer a ping"))]
    NotUp {
        /// Why the last ping failed.
        source: Cause,
    },
    /// A request failed, its status was not a success, or its reply could not be decoded.
    #[snafu(display("{request} failed"))]
    Request {
        /// The request, such as `create`.
        request: &'static str,
        /// The cause.
        source: Cause,
    },
    /// The query does not pass validation.
    #[snafu(display("the query is invalid: {}", messages.join("; ")))]
    Invalid {
        /// The server's messages.
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
