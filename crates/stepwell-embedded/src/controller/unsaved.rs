//! What has changed and is not durable yet.

use std::collections::BTreeMap;
use std::{iter, mem};

use stepwell_arroyo::PipelineId;
use stepwell_control_plane::{Changes, Command, Record};
use tokio::sync::watch;

use super::record;
use crate::error::EngineError;
use crate::store::{NewCheckpoint, Store, WriteBatch};

/// Why changes cannot be saved now; `None`: they can.
pub(crate) type SaveFailure = Option<String>;

/// Changes that wait for a commit, and the commands that depend on them.
pub(super) struct Unsaved {
    /// Records that have changed; `None`: deleted.
    records: BTreeMap<PipelineId, Option<Record>>,
    batch: WriteBatch,
    commands: Vec<Command>,
    /// Whether the last attempt to save failed, and why.
    failure: watch::Sender<SaveFailure>,
}

impl Unsaved {
    pub(super) fn new(failure: watch::Sender<SaveFailure>) -> Self {
        Self {
            records: BTreeMap::new(),
            batch: WriteBatch::default(),
            commands: Vec::new(),
            failure,
        }
    }

    /// Adds changes of the control plane; returns whether there are any.
    pub(super) fn add_changes(&mut self, changes: Changes) -> bool {
        let Changes {
            upserts, deleted, ..
        } = changes;
        let has_changed = !(upserts.is_empty() && deleted.is_empty());
        self.records
            .extend(deleted.into_iter().map(|id| (id, None)));
        self.records.extend(
            upserts
                .into_iter()
                .map(|record| (record.id().clone(), Some(record))),
        );
        has_changed
    }

    pub(super) fn add_checkpoint(&mut self, checkpoint: NewCheckpoint) {
        self.batch.checkpoints.push(checkpoint);
    }

    /// Adds commands, which wait for the changes that they depend on.
    pub(super) fn add_commands(&mut self, commands: Vec<Command>) {
        for command in &commands {
            // The checkpoints of a job that is deleted or starts from the beginning are of no more use.
            if let Command::Start {
                job, restore: None, ..
            }
            | Command::Forget { job } = command
            {
                self.batch.forgotten_jobs.push(job.as_str().to_owned());
            }
        }
        self.commands.extend(commands);
    }

    /// Commits everything, and returns the commands that may now be carried out. After an error all of it waits for the next call.
    pub(super) fn save(&mut self, store: &mut Store) -> Result<Vec<Command>, EngineError> {
        let saved = self.write(store);
        // Logged once, not at every attempt.
        let is_failing = self.failure.borrow().is_some();
        match (&saved, is_failing) {
            (Err(error), false) => {
                self.failure.send_replace(Some(with_causes(error)));
                let error = error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "saving failed; it is tried again, and requests are refused until then"
                );
            }
            (Ok(()), true) => {
                self.failure.send_replace(None);
                tracing::info!("saving succeeded again");
            }
            _ => {}
        }
        saved?;
        Ok(mem::take(&mut self.commands))
    }

    fn write(&mut self, store: &mut Store) -> Result<(), EngineError> {
        for (id, record) in &self.records {
            let body = record
                .as_ref()
                .map(|record| record::encode(store, record))
                .transpose()?;
            self.batch.records.insert(id.as_str().to_owned(), body);
        }
        store.commit(&self.batch)?;
        self.records.clear();
        self.batch = WriteBatch::default();
        Ok(())
    }
}

/// An error with its causes, on one line.
pub(super) fn with_causes(error: &EngineError) -> String {
    let causes = iter::successors(std::error::Error::source(error), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
