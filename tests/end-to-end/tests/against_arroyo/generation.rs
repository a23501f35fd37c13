//! Differences between a release and the server after it. Each expectation that differs is one function here, with its reason. Everything
//! else holds for both.
//!
//! The reasons are recordings of a real 0.15.0. A server does not say which scheduler it has, so an outcome is accepted if it is right for
//! one of them.

use std::ops::RangeInclusive;

use stepwell::{
    JobState, StopMode,
    arroyo::{FailureReason, Job, JobError},
};

use crate::fail::speaks_of_it;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// A release up to 0.15.
    Released,
    /// The version after 0.15.
    Next,
}

impl Generation {
    /// Up to 0.15, `PUT` answers 405, so a client cannot choose an id (`020_put_is_missing`).
    pub(crate) fn takes_ids(self) -> bool {
        self == Self::Next
    }

    /// Up to 0.15, checkpoints have no kind (`510_stop_checkpoint_checkpoints`), so a final one may pass unseen: the result may be unknown,
    /// but never "none".
    pub(crate) fn is_right_of_a_final_checkpoint(
        self,
        mode: &StopMode,
        told: Option<bool>,
    ) -> bool {
        let is_final = *mode == StopMode::Checkpoint;
        told == Some(is_final) || (self == Self::Released && told.is_none())
    }

    /// Up to 0.15, a job with an error in its query has up to 20 new runs before it is Failed (`550_create_divide_by_zero_states`).
    pub(crate) fn runs_of_a_failing_job(self, first: u64) -> RangeInclusive<u64> {
        match self {
            Self::Released => first..=first + 20,
            Self::Next => first..=first,
        }
    }

    /// The reason is then that of the last restart, not of the query, and nothing is logged (`200_divide_by_zero_states`, `551_errors`).
    pub(crate) fn is_right_of_a_divide_by_zero(
        self,
        reason: Option<&FailureReason>,
        errors: &[JobError],
    ) -> bool {
        let is_right = |text: &str| match self {
            Self::Released => {
                [
                    "Job has restarted too many times",
                    "failed to tear down existing cluster",
                ]
                .contains(&text)
                    || speaks_of_it(text)
            }
            Self::Next => speaks_of_it(text),
        };
        let may_be_silent = self == Self::Released && errors.is_empty();
        reason.is_some_and(|reason| is_right(&reason.error))
            && (may_be_silent || errors.iter().any(|error| speaks_of_it(&error.details)))
    }

    /// Up to 0.15, a stop can end as Failed with the embedded scheduler (`112_stop_immediate_states`: `failed while stopping job`; the
    /// server's source has others that begin alike).
    pub(crate) fn can_fail_to_stop(self, job: &Job) -> bool {
        let is_so = |reason: &FailureReason| {
            let words = ["failed while ", "failed to initiate final checkpoint"];
            words.iter().any(|start| reason.error.starts_with(start))
        };
        self == Self::Released
            && job.state == JobState::Failed
            && job.failure_reason.as_ref().is_some_and(is_so)
    }

    /// Whether a job that was stopped has ended in an acceptable way.
    pub(crate) fn is_right_of_a_stop(self, job: &Job) -> bool {
        job.state == JobState::Stopped || self.can_fail_to_stop(job)
    }
}
