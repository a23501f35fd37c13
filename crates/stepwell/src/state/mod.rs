//! The states of a submission, one file each: what the state proves, and every transition that leaves it.
//!
//! These files and `submission` depend on each other, the only cycle in this crate: a transition leads from one state to another, a later
//! state embeds what the earlier ones have proved, and a failed transition holds the submission that it hands back.

// In the order of the steps: the documentation of `Submission` follows it.
pub(crate) mod unconnected;

mod connected;

mod validated;

mod resolved;

mod registered;

mod running;

mod stopped;

mod with_pipeline;

mod any_submission;

pub(crate) mod identified;

use std::fmt;

use stepwell_arroyo::{PipelineGraph, PipelineId};

pub use self::{
    any_submission::AnySubmission,
    connected::Connected,
    registered::Registered,
    resolved::{Created, Origin, Resolved, Resumed},
    running::Running,
    stopped::Stopped,
    unconnected::{Finished, SubmissionBuilder, Unconnected},
    validated::Validated,
    with_pipeline::{HasPipeline, Status},
};
pub(crate) use self::{identified::Identified, registered::ResolvedHere};
use crate::resolve::Difference;
pub use crate::{
    job::Ended,
    resolve::{Plan, PlannedRequest},
    rows::{RowStream, Rows},
};

// Unnameable on purpose: this is the seal.
#[allow(unnameable_types)]
mod sealed {
    use stepwell_arroyo::{PipelineGraph, PipelineId};

    use super::{Difference, Identified};

    /// The seal of the states, and what logs show of them.
    pub trait Sealed {
        const NAME: &'static str;

        /// The pipeline's name, if it is known.
        fn name(&self) -> Option<&str>;

        /// The pipeline's id, if it is known.
        fn id(&self) -> Option<&PipelineId>;
    }

    /// The seal of [`Origin`](super::Origin).
    pub trait SealedOrigin {
        const RESOLVED: &'static str;
        const IS_CREATED: bool;
    }

    /// The seal of the states that have a pipeline, and what they know of it.
    pub trait SealedPipeline {
        fn identified(&self) -> &Identified;

        /// `None` if the submission was attached.
        fn plan(&self) -> Option<&PipelineGraph>;

        /// `None` if the submission was attached.
        fn created_here(&self) -> Option<bool>;

        fn differences(&self) -> &[Difference];
    }
}

/// A state of a [`Submission`](crate::Submission). Sealed.
pub trait State: sealed::Sealed + fmt::Debug + Send + Sync + 'static {}

/// Makes a type a state. `Debug` prints only the short name, because the states contain the query.
macro_rules! state {
    ($state:ident { $($described:tt)* }) => {
        impl sealed::Sealed for $state {
            const NAME: &'static str = stringify!($state);

            $($described)*
        }

        impl State for $state {}

        impl fmt::Debug for $state {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(stringify!($state))
            }
        }
    };
}

macro_rules! states_with_a_spec {
    ($($state:ident),*) => {$(
        state!($state {
            fn name(&self) -> Option<&str> {
                Some(self.spec.name())
            }

            fn id(&self) -> Option<&PipelineId> {
                None
            }
        });
    )*};
}

macro_rules! states_from_registered_on {
    ($($state:ident),*) => {$(
        state!($state {
            fn name(&self) -> Option<&str> {
                Some(&self.registered().pipeline.name)
            }

            fn id(&self) -> Option<&PipelineId> {
                Some(&self.registered().pipeline.id)
            }
        });

        impl sealed::SealedPipeline for $state {
            fn identified(&self) -> &Identified {
                &self.registered().pipeline
            }

            fn plan(&self) -> Option<&PipelineGraph> {
                self.registered().evidence.as_ref().map(|evidence| &evidence.graph)
            }

            fn created_here(&self) -> Option<bool> {
                self.registered().evidence.as_ref().map(|evidence| evidence.created)
            }

            fn differences(&self) -> &[Difference] {
                &self.registered().differences
            }
        }
    )*};
}

states_with_a_spec!(Unconnected, Connected, Validated);
states_from_registered_on!(Registered, Running, Stopped);
