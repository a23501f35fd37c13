//! [`AnySubmission`]: a submission in whatever state it is in.

use stepwell_arroyo::PipelineId;

use super::{
    Connected, Created, Registered, Resolved, Resumed, Running, State, Stopped, Unconnected,
    Validated,
};
use crate::{resolve::Resolution, shutdown::Shutdown, submission::Submission};

/// A submission in whatever state it is in: one value to keep while it goes from one to the next.
///
/// ```
/// # async fn example(submission: stepwell::Submission<stepwell::state::Unconnected>) {
/// use stepwell::state::AnySubmission;
///
/// let mut pipeline = AnySubmission::from(submission);
/// pipeline = match pipeline {
///     AnySubmission::Unconnected(submission) => match submission.connect().await {
///         Ok(connected) => connected.into(),
///         Err(failure) => failure.into_submission().into(),
///     },
///     other => other,
/// };
/// println!("{:?} is {}", pipeline.name(), pipeline.state());
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub enum AnySubmission {
    /// See [`Unconnected`].
    Unconnected(Submission<Unconnected>),
    /// See [`Connected`].
    Connected(Submission<Connected>),
    /// See [`Validated`].
    Validated(Submission<Validated>),
    /// See [`Resolved`] and [`Resumed`].
    Resumed(Submission<Resolved<Resumed>>),
    /// See [`Resolved`] and [`Created`].
    Created(Submission<Resolved<Created>>),
    /// See [`Registered`].
    Registered(Submission<Registered>),
    /// See [`Running`].
    Running(Submission<Running>),
    /// See [`Stopped`].
    Stopped(Submission<Stopped>),
}

/// Calls the function with the submission, whatever its state.
macro_rules! in_any_state {
    ($any:expr, $submission:ident => $value:expr) => {
        match $any {
            AnySubmission::Unconnected($submission) => $value,
            AnySubmission::Connected($submission) => $value,
            AnySubmission::Validated($submission) => $value,
            AnySubmission::Resumed($submission) => $value,
            AnySubmission::Created($submission) => $value,
            AnySubmission::Registered($submission) => $value,
            AnySubmission::Running($submission) => $value,
            AnySubmission::Stopped($submission) => $value,
        }
    };
}

impl AnySubmission {
    /// The pipeline's id; `None` before it was found or created.
    pub fn id(&self) -> Option<&PipelineId> {
        in_any_state!(self, submission => id_of(submission))
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        in_any_state!(self, submission => name_of(submission))
    }

    /// The name of the state, such as `Running` or `Resolved<Created>`.
    pub fn state(&self) -> &'static str {
        in_any_state!(self, submission => state_of(submission))
    }

    /// The shutdown the submission belongs to.
    pub fn shutdown(&self) -> &Shutdown {
        in_any_state!(self, submission => submission.shutdown())
    }
}

fn id_of<S: State>(submission: &Submission<S>) -> Option<&PipelineId> {
    submission.state.id()
}

fn name_of<S: State>(submission: &Submission<S>) -> &str {
    // Every state has either a spec or a pipeline, and both have a name.
    submission.state.name().unwrap_or_default()
}

fn state_of<S: State>(_: &Submission<S>) -> &'static str {
    S::NAME
}

macro_rules! from_states {
    ($($variant:ident($state:ty)),*) => {$(
        impl From<Submission<$state>> for AnySubmission {
            fn from(submission: Submission<$state>) -> Self {
                Self::$variant(submission)
            }
        }
    )*};
}

from_states!(
    Unconnected(Unconnected),
    Connected(Connected),
    Validated(Validated),
    Resumed(Resolved<Resumed>),
    Created(Resolved<Created>),
    Registered(Registered),
    Running(Running),
    Stopped(Stopped)
);

impl From<Resolution> for AnySubmission {
    fn from(resolution: Resolution) -> Self {
        match resolution {
            Resolution::Resumed(submission) => Self::Resumed(submission),
            Resolution::Created(submission) => Self::Created(submission),
        }
    }
}
