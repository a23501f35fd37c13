//! What a shutdown does to a pipeline, and how it stops.

use std::time::Duration;

use stepwell_arroyo::StopMode;

/// What a shutdown does to the pipeline of one submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnShutdown {
    /// Stop it, whoever started it.
    Stop,
    /// Stop it if this process created it or started its run; otherwise leave it, and say so in the report.
    #[default]
    StopIfStartedHere,
    /// Leave it running, and say so in the report.
    Leave,
}

/// A harder way to stop, for when the one before has not worked in time.
///
/// It is a request, not a promise: a frozen worker has been seen to ignore `immediate` for 100 s.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Escalation {
    /// How long after the stop began.
    pub after: Duration,
    /// What is asked for then. `force` is held back while the job is in CheckpointStopping, where it would break the server's task.
    pub mode: StopMode,
}

impl Escalation {
    /// Asks for `mode` when the pipeline has not ended `after` the stop began.
    pub fn new(after: Duration, mode: StopMode) -> Self {
        Self { after, mode }
    }
}

/// How [`Shutdown::stop_all`](super::Shutdown::stop_all) stops: with a final checkpoint, within 120 s, without escalation by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopPolicy {
    pub(crate) mode: StopMode,
    pub(crate) deadline: Duration,
    pub(crate) escalations: Vec<Escalation>,
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self {
            mode: StopMode::Checkpoint,
            deadline: Duration::from_secs(120),
            escalations: Vec::new(),
        }
    }
}

impl StopPolicy {
    /// Starts from the default.
    pub fn builder() -> StopPolicyBuilder {
        StopPolicyBuilder {
            policy: Self::default(),
        }
    }
}

/// Makes a [`StopPolicy`].
#[derive(Clone, Debug)]
#[must_use]
pub struct StopPolicyBuilder {
    policy: StopPolicy,
}

impl StopPolicyBuilder {
    /// The mode to stop with; `checkpoint` by default.
    pub fn mode(mut self, mode: StopMode) -> Self {
        self.policy.mode = mode;
        self
    }

    /// The one deadline for everything: creates in flight, stops and all; 120 s by default.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = deadline;
        self
    }

    /// Adds an escalation; they are taken in order of their time.
    pub fn escalate(mut self, escalation: Escalation) -> Self {
        self.policy.escalations.push(escalation);
        self.policy
            .escalations
            .sort_by_key(|escalation| escalation.after);
        self
    }

    /// The policy.
    pub fn build(self) -> StopPolicy {
        self.policy
    }
}
