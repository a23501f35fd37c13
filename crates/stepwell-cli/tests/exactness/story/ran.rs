//! The result of a run, and whether it ended as documented.

use crate::{interruption::Kind, store::Checkpoint};

/// The result of a run.
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The interruption, if it came in time.
    pub(super) by: Option<Kind>,
    pub(super) before: Vec<Checkpoint>,
    pub(super) after: Vec<Checkpoint>,
}

impl Ran {
    pub(super) fn has_finished(&self) -> bool {
        self.stderr.contains(" is Finished") || self.was_finished()
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.stderr.contains("is Stopped with a final checkpoint")
    }

    pub(super) fn was_finished(&self) -> bool {
        self.stderr
            .contains("has finished, so it cannot be resumed")
    }

    /// Whether the exit code is the documented one.
    pub(super) fn check_end(&self) -> Result<(), String> {
        let is_right = match (self.code, self.by) {
            // From before this run.
            (Some(5), _) => self.was_finished() && self.stdout.is_empty(),
            (Some(0), None | Some(Kind::Kill | Kind::Full)) => self.has_finished(),
            // A run whose rows cannot be written ends with a checkpoint that contains them.
            (Some(1), Some(Kind::Full)) => self.has_stopped(),
            (Some(0), Some(Kind::Close(..))) => self.has_finished() || self.has_stopped(),
            (Some(0), Some(_)) | (None, Some(Kind::Kill | Kind::InterruptThenKill(_))) => true,
            // The exit code says whether the signal came before the pipeline was running.
            (Some(130), Some(Kind::Interrupt | Kind::InterruptThenKill(_)))
            | (Some(143), Some(Kind::Terminate)) => self.stdout.is_empty(),
            // A signal before the handler is installed ends the process.
            (None, Some(Kind::Interrupt | Kind::Terminate)) => self.stderr.is_empty(),
            _ => false,
        };
        if is_right {
            Ok(())
        } else {
            Err(format!("it is not to end with {:?}", self.code))
        }
    }

    pub(super) fn new_checkpoints(&self) -> impl Iterator<Item = &Checkpoint> {
        let newest = self.before.first().map_or(0, |checkpoint| checkpoint.epoch);
        self.after
            .iter()
            .filter(move |checkpoint| checkpoint.epoch > newest)
    }
}
