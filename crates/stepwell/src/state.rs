//! The steps that a submission can have behind it, each a type of its own that carries what the step proved.

use std::{fmt, sync::Arc};

use stepwell_arroyo::{Job, Made, Pipeline, PipelineGraph, PipelineId};

use crate::{
    baseline::Baseline,
    resolution::{Difference, attempt::Attempt},
    spec::PipelineSpec,
};

pub(crate) mod sealed {
    // Unnameable on purpose: that is the seal.
    #[allow(unnameable_types)]
    pub trait Sealed {}
}

/// A state of a [`Submission`](crate::Submission). Sealed: the states are those of this crate.
pub trait State: sealed::Sealed + fmt::Debug + Send + Sync + 'static {}

/// How a resolved pipeline came to be: [`Resumed`] or [`Created`]. Sealed.
pub trait Origin: sealed::Sealed + fmt::Debug + Send + Sync + 'static {
    #[doc(hidden)]
    fn is_created(&self) -> bool;
}

/// Nothing is known yet.
pub struct Unconnected {
    pub(crate) spec: Arc<PipelineSpec>,
}

/// The API has answered.
pub struct Connected {
    pub(crate) spec: Arc<PipelineSpec>,
}

/// The server has planned the query without an error.
pub struct Validated {
    pub(crate) spec: Arc<PipelineSpec>,
    pub(crate) graph: PipelineGraph,
    /// A create that was sent and whose outcome is not known; the next `resolve` settles it first.
    pub(crate) attempt: Option<Attempt>,
}

/// The pipeline is there, either [`Resumed`] or [`Created`].
pub struct Resolved<O: Origin> {
    pub(crate) validated: Validated,
    pub(crate) pipeline: Identified,
    pub(crate) baseline: Baseline,
    pub(crate) differences: Vec<Difference>,
    pub(crate) origin: O,
}

/// The pipeline was there already.
pub struct Resumed {
    pub(crate) job: Option<Job>,
    pub(crate) adopted: bool,
    /// Whether a create of this submission may have made it.
    pub(crate) found_again: bool,
}

/// This submission has created the pipeline.
#[derive(Debug)]
pub struct Created(pub(crate) ());

/// The shutdown has the pipeline in its hands.
pub struct Registered {
    pub(crate) pipeline: Identified,
    pub(crate) baseline: Baseline,
    /// What the steps before proved; a submission that was attached has no such evidence.
    pub(crate) evidence: Option<Evidence>,
}

/// The job was Running in the run that counts.
pub struct Running {
    pub(crate) registered: Registered,
    pub(crate) job: Job,
}

/// The job has stopped, and is meant to stay so.
pub struct Stopped {
    pub(crate) registered: Registered,
    pub(crate) job: Job,
    pub(crate) final_checkpoint: Option<bool>,
}

/// The pipeline that a submission is about.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    pub(crate) id: PipelineId,
    pub(crate) name: String,
}

impl Identified {
    pub(crate) fn new(pipeline: &Pipeline) -> Self {
        Self {
            id: pipeline.id.clone(),
            name: pipeline.name.clone(),
        }
    }
}

impl From<Made> for Identified {
    fn from(made: Made) -> Self {
        Self {
            id: made.id,
            name: made.name,
        }
    }
}

/// What is known of a pipeline that this process resolved.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) graph: PipelineGraph,
    pub(crate) created: bool,
    pub(crate) differences: Vec<Difference>,
}

macro_rules! states {
    ($($state:ty => $name:literal,)*) => {
        $(
            impl sealed::Sealed for $state {}
            impl State for $state {}
            impl fmt::Debug for $state {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str($name)
                }
            }
        )*
    };
}

// `Debug` gives the short name: the states carry the query.
states! {
    Unconnected => "Unconnected",
    Connected => "Connected",
    Validated => "Validated",
    Resolved<Resumed> => "Resolved<Resumed>",
    Resolved<Created> => "Resolved<Created>",
    Registered => "Registered",
    Running => "Running",
    Stopped => "Stopped",
}

impl sealed::Sealed for Resumed {}
impl Origin for Resumed {
    fn is_created(&self) -> bool {
        false
    }
}
impl fmt::Debug for Resumed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Resumed")
    }
}
impl sealed::Sealed for Created {}
impl Origin for Created {
    fn is_created(&self) -> bool {
        true
    }
}
