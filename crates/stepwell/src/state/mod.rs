//! The steps that a submission can have behind it, one file each: what the state proves, and every transition that leaves it.

mod connected;
mod look;
mod registered;
mod resolved;
mod running;
mod stopped;
mod unconnected;
mod validated;

use std::fmt;

use stepwell_arroyo::{Made, Pipeline, PipelineId};

pub(crate) use self::registered::Evidence;
pub use self::{
    connected::Connected,
    look::Status,
    registered::Registered,
    resolved::{Created, Origin, Resolved, Resumed},
    running::Running,
    stopped::Stopped,
    unconnected::{Finished, Outcome, SubmissionBuilder, Unconnected},
    validated::Validated,
};

mod sealed {
    use stepwell_arroyo::PipelineId;

    /// Unnameable on purpose: that is the seal.
    #[allow(unnameable_types)]
    pub trait SealedOrigin {}

    /// The seal of the states, and what logs say of one.
    #[allow(unnameable_types)]
    pub trait Sealed {
        const NAME: &'static str;

        /// The pipeline's name, where it is known.
        fn name(&self) -> Option<&str>;

        /// The pipeline's id, where it is known.
        fn id(&self) -> Option<&PipelineId>;
    }
}

/// A state of a [`Submission`](crate::Submission). Sealed: the states are those of this crate.
pub trait State: sealed::Sealed + fmt::Debug + Send + Sync + 'static {}

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

macro_rules! states {
    ($($state:ty => $name:literal, |$of:ident| $pipeline:expr, $id:expr;)*) => {
        $(
            impl sealed::Sealed for $state {
                const NAME: &'static str = $name;

                fn name(&self) -> Option<&str> {
                    let $of = self;
                    Some($pipeline)
                }

                fn id(&self) -> Option<&PipelineId> {
                    let $of = self;
                    $id
                }
            }
            impl State for $state {}
            // The short name: the states carry the query.
            impl fmt::Debug for $state {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str($name)
                }
            }
        )*
    };
}

states! {
    Unconnected => "Unconnected", |state| state.spec.name(), { let _ = state; None };
    Connected => "Connected", |state| state.spec.name(), { let _ = state; None };
    Validated => "Validated", |state| state.spec.name(), { let _ = state; None };
    Resolved<Resumed> => "Resolved<Resumed>", |state| &state.pipeline.name, Some(&state.pipeline.id);
    Resolved<Created> => "Resolved<Created>", |state| &state.pipeline.name, Some(&state.pipeline.id);
    Registered => "Registered", |state| &state.pipeline.name, Some(&state.pipeline.id);
    Running => "Running", |state| &state.registered.pipeline.name, Some(&state.registered.pipeline.id);
    Stopped => "Stopped", |state| &state.registered.pipeline.name, Some(&state.registered.pipeline.id);
}
