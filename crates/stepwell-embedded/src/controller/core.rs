//! What the controller's thread owns, read from the state directory.

use std::path::Path;
use std::time::Duration;

use stepwell_arroyo::PipelineId;
use stepwell_control_plane::{ControlPlane, Options};

use super::environment::EngineEnvironment;
use super::record;
use crate::error::EngineError;
use crate::limits::MAX_PARALLELISM;
use crate::plan::Planner;
use crate::store::{StateDirectory, Store};

/// A pipeline that an engine has started again because it was running when the directory was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResumedPipeline {
    /// Its id.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
}

/// The control plane and its store.
#[derive(Debug)]
pub(crate) struct Core {
    pub(super) plane: ControlPlane,
    pub(super) environment: EngineEnvironment,
    pub(super) store: Store,
    /// Held for its lock.
    pub(super) directory: StateDirectory,
}

impl Core {
    /// Locks the state directory and reads it. Blocks.
    pub(crate) fn open(path: &Path, options: Options) -> Result<Self, EngineError> {
        let directory = StateDirectory::open(path)?;
        let store = Store::open(directory.path())?;
        Ok(Self {
            plane: plane(&store, options)?,
            environment: EngineEnvironment::new(Planner::default()),
            store,
            directory,
        })
    }

    /// Leaves the URL of the engine in the state directory for other processes.
    pub(crate) fn announce(&self, url: &str) -> Result<(), EngineError> {
        self.directory.announce(url)
    }

    pub(crate) fn planner(&self) -> Planner {
        self.environment.planner().clone()
    }

    /// The pipelines that a start resumes.
    pub(crate) fn resumed(&self) -> Vec<ResumedPipeline> {
        self.plane
            .records()
            .filter(|record| record.is_going())
            .map(|record| ResumedPipeline {
                id: record.id().clone(),
                name: record.name().to_owned(),
            })
            .collect()
    }
}

/// The control plane with the records of a store.
pub(super) fn plane(store: &Store, mut options: Options) -> Result<ControlPlane, EngineError> {
    let records = store
        .records()?
        .iter()
        .map(|(id, body)| record::decode(store, id, body))
        .collect::<Result<_, _>>()?;
    options.most_subtasks = Some(MAX_PARALLELISM);
    // Finer than what Arroyo keeps on SQLite, so that no pipeline is skipped between two pages of a list.
    options.created_at_resolution = Duration::from_micros(1);
    // The engine has nothing that could show one.
    options.previews = false;
    Ok(ControlPlane::restore(options, records))
}
