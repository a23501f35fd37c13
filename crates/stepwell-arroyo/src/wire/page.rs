use serde::{Deserialize, Serialize};

/// One page of a list (recording `401_list_limit_2`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether there are more behind the last one. Spelled `hasMore` by every server.
    #[serde(rename = "hasMore", alias = "has_more")]
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A page.
    pub fn new(data: Vec<T>, has_more: bool) -> Self {
        Self { data, has_more }
    }
}

/// A list without pages: jobs and checkpoints.
#[derive(Debug, Deserialize)]
pub(crate) struct All<T> {
    pub(crate) data: Vec<T>,
}
