//! Differences between Arroyo releases.

use stepwell_arroyo::JobState;

/// A worker thread that is told to stop keeps running; after this time the server reports the job as Stopped. 16 s of it were observed
/// (recordings `311_stop_graceful_states` and `321_resume_after_graceful_states` of 0.15.0); the rest is taken from the server's source.
const STOPPING: u64 = 60_000_000;

/// How long the server tries to reach a worker thread that hangs in its final checkpoint (recording `112_stop_immediate_states`).
const UNREACHABLE: u64 = 4_500_000;

/// How long it tries to end a worker thread whose task has failed (recording `200_divide_by_zero_states`).
pub(crate) const TEARING_DOWN: u64 = 27_000_000;

/// The release that a control plane models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Generation {
    /// 0.15.0. It has no `PUT`, no tags, no environment and no checkpoint kinds, and it restarts every failed run. How it restarts and
    /// stops jobs depends on the scheduler.
    V0_15(Scheduler),
    /// 0.16.0-dev.
    #[default]
    V0_16,
}

/// What runs the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheduler {
    /// Each worker is a process. This is a server's default.
    #[default]
    Process,
    /// Workers are threads of the server and cannot be killed: a job that fails is Recovering for 27 s and then Failed, and a job that is
    /// stopped without a checkpoint stays in Stopping for a minute.
    Embedded,
}

impl Generation {
    /// Whether a client may choose the id of a pipeline, with `PUT /api/v1/pipelines/{id}`.
    pub fn takes_ids(self) -> bool {
        self == Self::V0_16
    }

    pub(crate) fn is_0_15(self) -> bool {
        matches!(self, Self::V0_15(_))
    }

    /// Whether workers keep running after they are told to stop.
    pub(crate) fn hangs(self) -> bool {
        self == Self::V0_15(Scheduler::Embedded)
    }

    /// How long a job that enters Stopping from `state` stays there, regardless of its workers.
    pub(crate) fn sticks_in_stopping(self, state: &JobState) -> u64 {
        match (self, state) {
            (Self::V0_15(Scheduler::Embedded), JobState::Running) => STOPPING,
            (Self::V0_15(Scheduler::Embedded), JobState::CheckpointStopping) => UNREACHABLE,
            _ => 0,
        }
    }
}
