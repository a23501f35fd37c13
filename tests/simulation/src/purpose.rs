//! What a request is for: the rows of the matrix.

use bytes::Bytes;
use http::{Method, Request};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    Ping,
    Validate,
    List,
    NextPage,
    Look,
    Jobs,
    Errors,
    Checkpoints,
    CreateByPut,
    CreateByPost,
    Start,
    Restart,
    Stop,
    Delete,
}

pub const PURPOSES: [Purpose; 14] = [
    Purpose::Ping,
    Purpose::Validate,
    Purpose::List,
    Purpose::NextPage,
    Purpose::Look,
    Purpose::Jobs,
    Purpose::Errors,
    Purpose::Checkpoints,
    Purpose::CreateByPut,
    Purpose::CreateByPost,
    Purpose::Start,
    Purpose::Restart,
    Purpose::Stop,
    Purpose::Delete,
];

impl Purpose {
    pub fn creates(self) -> bool {
        matches!(self, Self::CreateByPut | Self::CreateByPost)
    }

    pub fn changes(self) -> bool {
        self.creates()
            || matches!(
                self,
                Self::Start | Self::Restart | Self::Stop | Self::Delete
            )
    }

    /// How many times likelier than for a poll something happens to it: what changes something is where it hurts, and what is rare has
    /// to meet everything too.
    pub(crate) fn weight(self) -> u64 {
        match self {
            Self::Jobs | Self::Checkpoints => 1,
            Self::Ping | Self::Validate | Self::List | Self::Look | Self::Stop => 2,
            _ => 4,
        }
    }
}

impl Purpose {
    /// What a request is for.
    pub fn of(request: &Request<Bytes>) -> Self {
        let path = request.uri().path();
        match *request.method() {
            Method::PATCH => {
                let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
                match body["stop"].as_str() {
                    None | Some("none") => Self::Start,
                    Some(_) => Self::Stop,
                }
            }
            Method::DELETE => Self::Delete,
            Method::POST if path.ends_with("/validate_query") => Self::Validate,
            Method::POST if path.ends_with("/restart") => Self::Restart,
            Method::PUT => Self::CreateByPut,
            Method::POST => Self::CreateByPost,
            _ if path.ends_with("/ping") => Self::Ping,
            _ if path.ends_with("/jobs") => Self::Jobs,
            _ if path.ends_with("/checkpoints") => Self::Checkpoints,
            _ if path.ends_with("/errors") => Self::Errors,
            _ if path == "/api/v1/pipelines" => {
                let query = request.uri().query().unwrap_or_default();
                if query.contains("starting_after=") {
                    Self::NextPage
                } else {
                    Self::List
                }
            }
            _ => Self::Look,
        }
    }
}
