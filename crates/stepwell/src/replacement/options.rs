//! How a replacement behaves.

use std::time::Duration;

use crate::shutdown::StopPolicy;

/// The least time for which a new pipeline has to stay Running: the errors of a user's query show up to 5 s after Running
/// (`docs/guarantees.md`, "No false success").
const LEAST_PROOF: Duration = Duration::from_secs(6);

/// How a [`Replacement`](super::Replacement) behaves.
///
/// ```
/// use std::time::Duration;
/// use stepwell::replacement::ReplacementOptions;
///
/// let options = ReplacementOptions::default()
///     .with_proof_of(Duration::from_secs(60))
///     .with_keep_old(true);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ReplacementOptions {
    pub(super) keep_old: bool,
    pub(super) without_checkpoint: bool,
    pub(super) proof_of: Duration,
    pub(super) stop_policy: StopPolicy,
}

impl Default for ReplacementOptions {
    fn default() -> Self {
        Self {
            keep_old: false,
            without_checkpoint: false,
            proof_of: LEAST_PROOF,
            stop_policy: StopPolicy::default(),
        }
    }
}

impl ReplacementOptions {
    /// Whether the old pipeline is kept, stopped, at the end; by default it is deleted.
    pub fn with_keep_old(mut self, keep_old: bool) -> Self {
        self.keep_old = keep_old;
        self
    }

    /// Whether to go on if the old pipeline was stopped and is not known to have made a final checkpoint. By default that is an error,
    /// because a roll-back would then repeat or lose rows.
    pub fn with_without_checkpoint(mut self, without_checkpoint: bool) -> Self {
        self.without_checkpoint = without_checkpoint;
        self
    }

    /// For how long the new pipeline has to stay Running, in one run; 6 s by default and at least.
    pub fn with_proof_of(mut self, time: Duration) -> Self {
        self.proof_of = time.max(LEAST_PROOF);
        self
    }

    /// How the old pipeline is stopped; by default with a checkpoint, within 120 s.
    pub fn with_stop_policy(mut self, policy: StopPolicy) -> Self {
        self.stop_policy = policy;
        self
    }
}
