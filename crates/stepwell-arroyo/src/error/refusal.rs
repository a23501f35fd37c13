//! What the server's refusals mean, by their messages.

use http::StatusCode;

use super::{ClientError, kind::ClientErrorKind};
use crate::Operation;

impl ClientError {
    /// Whether an Arroyo answered that the pipeline or job does not exist (recordings `106_get_pipeline_unknown`, `146_patch_unknown_id`).
    ///
    /// The 404 of a proxy, or for a path that the server does not know, does not count, because it says nothing about the pipeline. A 404
    /// with an empty body counts, and so do the 400 of a restart (`257_restart_unknown`) and that of a patch up to 0.15 (`024_patch_missing`
    /// of 0.15.0).
    pub fn is_not_found(&self) -> bool {
        const NO_JOBS: [&str; 2] = ["There are no jobs for the pipeline", "No jobs for pipeline"];
        match &self.0.kind {
            ClientErrorKind::Rejected {
                status: StatusCode::BAD_REQUEST,
                message,
                from_api: true,
            } => NO_JOBS.contains(&message.as_str()),
            ClientErrorKind::Rejected {
                status: StatusCode::NOT_FOUND,
                message,
                from_api,
            } => message.is_empty() || *from_api && message != "Route not found",
            _ => false,
        }
    }

    /// Whether the server refused a pipeline because it could not plan the query (recordings
    /// `120_create_invalid_sql`–`123_create_empty_query`).
    pub fn is_invalid_query(&self) -> bool {
        // Servers after 0.15 begin with the first of these; earlier ones send the planner's message alone.
        const WORDS: [&str; 7] = [
            "Failed to plan query",
            "Failed to create table ",
            "SQL error: ",
            "Schema error: ",
            "Error during planning: ",
            "This feature is not implemented: ",
            "Query is empty",
        ];
        self.refusal()
            .is_some_and(|words| WORDS.iter().any(|start| words.starts_with(start)))
    }

    /// Whether the server refused a create because its id or name is already taken (recordings `431_put_pipeline_same_id`,
    /// `717_pg_put_again`).
    pub fn is_already_there(&self) -> bool {
        const WORDS: [&str; 4] = ["already exist", "exists", "duplicate", "unique constraint"];
        !self.is_invalid_query()
            && self.refusal().is_some_and(|words| {
                let words = words.to_lowercase();
                WORDS.iter().any(|said| words.contains(said))
            })
    }

    /// Whether the server refused the request for a reason that may pass: 429, a 409 with `Retry-After` or with words such as `busy, try
    /// again`, and a delete before the job is known to have ended (recording `151_delete_while_running`).
    pub fn is_busy(&self) -> bool {
        const WORDS: [&str; 6] = [
            "busy",
            "try again",
            "retry",
            "temporarily",
            "overloaded",
            "unavailable",
        ];
        const NOT_ENDED: &str = "must be in a terminal state";
        match self.status() {
            Some(StatusCode::TOO_MANY_REQUESTS) => true,
            Some(StatusCode::CONFLICT) if self.is_already_there() => false,
            Some(StatusCode::CONFLICT) => {
                self.retry_after().is_some()
                    || self.refusal().is_some_and(|words| {
                        let words = words.to_lowercase();
                        WORDS.iter().any(|said| words.contains(said))
                    })
            }
            Some(StatusCode::BAD_REQUEST) => {
                self.operation() == Operation::Delete
                    && self
                        .refusal()
                        .is_some_and(|words| words.contains(NOT_ENDED))
            }
            _ => false,
        }
    }

    /// The server's message in a 400 or 409.
    fn refusal(&self) -> Option<&str> {
        match &self.0.kind {
            ClientErrorKind::Rejected {
                status: StatusCode::BAD_REQUEST | StatusCode::CONFLICT,
                message,
                ..
            } => Some(message),
            _ => None,
        }
    }
}
