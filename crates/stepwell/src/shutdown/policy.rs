//! What a shutdown does to a pipeline, and how it stops it.

use std::time::Duration;

use stepwell_arroyo::StopMode;

/// What a shutdown does to the pipeline of one submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnShutdown {
    /// Stop it, whichever process started it.
    Stop,
    /// Stop it if this process created it or started its run; otherwise leave it running, and report that.
    #[default]
    StopIfStartedHere,
    /// Leave it running, and report that.
    Leave,
}

/// A stronger way to stop, for when the previous one has not worked in time.
///
/// It is a request, not a guarantee: a frozen worker has been seen to ignore `immediate` for 100 s.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Escalation {
    /// The time after the stop began.
    pub after: Duration,
    /// The mode to request then. `force` is held back while the job is in CheckpointStopping, where it would break the server's task.
    pub mode: StopMode,
}

impl Escalation {
    /// Requests `mode` if the pipeline has not ended `after` the stop began.
    pub fn new(after: Duration, mode: StopMode) -> Self {
        Self { after, mode }
    }
}

/// How [`Shutdown::stop_all`](super::Shutdown::stop_all) stops pipelines. By default: with a final checkpoint, within 120 s, without
/// escalation.
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
    /// Starts from the defaults.
    pub fn builder() -> StopPolicyBuilder {
        StopPolicyBuilder {
            policy: Self::default(),
        }
    }
}

/// Builds a [`StopPolicy`].
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

    /// The deadline for everything, including creates in flight and all stops; 120 s by default.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = deadline;
        self
    }

    /// Adds an escalation; escalations apply in the order of their times.
    pub fn escalate(mut self, escalation: Escalation) -> Self {
        self.policy.escalations.push(escalation);
        self.policy
            .escalations
            .sort_by_key(|escalation| escalation.after);
        self
    }

    /// Builds the policy.
    pub fn build(self) -> StopPolicy {
        self.policy
    }
}
