//! Replies by their types.

use std::fmt::Debug;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use stepwell_arroyo::{Checkpoint, Job, JobError, Page, Pipeline, PipelineGraph, Udf, Validation};

/// A type of reply, and what reads one.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// What it is called.
    pub name: &'static str,
    /// Reads it, and panics where something does not hold of what was read.
    pub read: fn(&[u8]),
}

/// All types of replies. The first byte of an input picks one.
pub const REPLIES: [Reply; 8] = [
    Reply::new("pipeline", same_again::<Pipeline>),
    Reply::new("pipelines", same_again::<Page<Pipeline>>),
    // It holds any JSON: a number with a fraction may change in its last digit.
    Reply::new("jobs", |bytes| drop(again::<List<Job>>(bytes))),
    Reply::new("job errors", same_again::<Page<JobError>>),
    Reply::new("checkpoints", same_again::<List<Checkpoint>>),
    Reply::new("validation", same_again::<Validation>),
    Reply::new("graph", same_again::<PipelineGraph>),
    Reply::new("function", same_again::<Udf>),
];

/// A list without pages.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct List<T> {
    data: Vec<T>,
}

impl Reply {
    const fn new(name: &'static str, read: fn(&[u8])) -> Self {
        Self { name, read }
    }
}

/// What can be read can be written, and read again.
fn again<T: DeserializeOwned + Serialize + Debug>(bytes: &[u8]) -> Option<(T, T)> {
    let read: T = serde_json::from_slice(bytes).ok()?;
    assert!(!format!("{read:?}").is_empty());
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again = serde_json::from_slice(&written).expect("what was written can be read");
    Some((read, again))
}

/// And it is the same then.
fn same_again<T: DeserializeOwned + Serialize + Debug + PartialEq>(bytes: &[u8]) {
    if let Some((read, again)) = again::<T>(bytes) {
        assert_eq!(read, again);
    }
}
