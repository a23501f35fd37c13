//! Where the generations of the server differ. Each expectation that differs is one function, with its reason; every other expectation holds
//! for both.
//!
//! The reasons are recordings of a real 0.15.0. A server does not say which scheduler it has, so what is right for one scheduler passes.

use std::ops::RangeInclusive;

use stepwell::{
    JobState, StopMode,
    arroyo::{FailureReason, Job, JobError},
};

/// The generation of a server, as far as the tests tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "tests match on all generations")]
pub enum Generation {
    /// A release up to 0.15.
    V0_15,
    /// Everything after 0.15.
    V0_16,
}

impl Generation {
    /// Whether a client can choose an id. Up to 0.15 `PUT` is answered with 405 (`020_put_is_missing`).
    pub fn takes_ids(self) -> bool {
        self == Self::V0_16
    }

    /// Whether `told` is a correct answer to the question whether a stop in this mode made a final checkpoint. Up to 0.15 checkpoints have no
    /// kind (`510_stop_checkpoint_checkpoints`), so it may be unknown, but never wrong.
    pub fn allows_final_checkpoint(self, mode: &StopMode, told: Option<bool>) -> bool {
        let is_final = *mode == StopMode::Checkpoint;
        told == Some(is_final) || (self == Self::V0_15 && told.is_none())
    }

    /// The runs in which a job with an error in its query may be Failed. Up to 0.15 it is restarted up to 20 times
    /// (`550_create_divide_by_zero_states`).
    pub fn runs_until_failed(self, first: u64) -> RangeInclusive<u64> {
        match self {
            Self::V0_15 => first..=first + 20,
            Self::V0_16 => first..=first,
        }
    }

    /// Whether a job that divided by zero failed for a correct reason. Up to 0.15 the reason may be that of the last restart, with nothing
    /// logged (`200_divide_by_zero_states`, `551_errors`).
    pub fn allows_divide_by_zero(
        self,
        reason: Option<&FailureReason>,
        errors: &[JobError],
    ) -> bool {
        let is_right = |text: &str| match self {
            Self::V0_15 => {
                [
                    "Job has restarted too many times",
                    "failed to tear down existing cluster",
                ]
                .contains(&text)
                    || mentions_divide_by_zero(text)
            }
            Self::V0_16 => mentions_divide_by_zero(text),
        };
        let may_be_silent = self == Self::V0_15 && errors.is_empty();
        reason.is_some_and(|reason| is_right(&reason.error))
            && (may_be_silent
                || errors
                    .iter()
                    .any(|error| mentions_divide_by_zero(&error.details)))
    }

    /// Whether the job failed because it was stopped. Up to 0.15 with the embedded scheduler, a stop can end in Failed
    /// (`112_stop_immediate_states`: `failed while stopping job`; the source has other messages that begin alike).
    pub fn can_fail_to_stop(self, job: &Job) -> bool {
        let is_so = |reason: &FailureReason| {
            let words = ["failed while ", "failed to initiate final checkpoint"];
            words.iter().any(|start| reason.error.starts_with(start))
        };
        self == Self::V0_15
            && job.state == JobState::Failed
            && job.failure_reason.as_ref().is_some_and(is_so)
    }

    /// Whether a job that was told to stop has ended correctly.
    pub fn allows_end_of_stop(self, job: &Job) -> bool {
        job.state == JobState::Stopped || self.can_fail_to_stop(job)
    }
}

/// Whether a server's message is about a division by zero.
fn mentions_divide_by_zero(text: &str) -> bool {
    text.to_lowercase().contains("divide by zero")
}
