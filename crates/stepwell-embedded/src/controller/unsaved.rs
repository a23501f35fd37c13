//! What has changed and is not durable yet.

use std::collections::BTreeMap;
use std::mem;

use stepwell_arroyo::PipelineId;
use stepwell_control_plane::{Changes, Command, Record};

use super::record;
use crate::error::EngineError;
use crate::store::{NewCheckpoint, Store, WriteBatch};

/// Changes that wait for a commit, and the commands that depend on them.
#[derive(Default)]
pub(super) struct Unsaved {
    /// Records that have changed; `None`: deleted.
    records: BTreeMap<PipelineId, Option<Record>>,
    batch: WriteBatch,
    commands: Vec<Command>,
    /// Whether the last attempt to save failed.
    is_failing: bool,
}

impl Unsaved {
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
        match (&saved, self.is_failing) {
            (Err(error), false) => {
                let error = error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "saving failed; it is tried again, and requests are refused until then"
                );
            }
            (Ok(()), true) => tracing::info!("saving succeeded again"),
            _ => {}
        }
        self.is_failing = saved.is_err();
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
