use std::{
    io::{self, Write},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use snafu::ResultExt;
use stepwell::{PipelineId, SharedTransport, arroyo::Client};
use stepwell_embedded::{Engine, EngineBuilder};

use crate::{
    failure::{EngineSnafu, Failure},
    output::Output,
    server,
};

/// How long a stop waits for an engine that cannot save its state.
const SAVE_PATIENCE: Duration = Duration::from_secs(2);

/// The embedded engine of one command.
pub(crate) struct EmbeddedEngine {
    engine: Engine,
    pub(crate) transport: SharedTransport,
    started_at: SystemTime,
}

impl EmbeddedEngine {
    /// Starts an engine that prints the rows of one pipeline, the one passed to [`show_rows_of`](Self::show_rows_of).
    pub(crate) async fn start(
        state_dir: PathBuf,
        rows: Box<dyn Write + Send>,
    ) -> Result<Self, Failure> {
        Self::of(Engine::builder(state_dir).foreground_rows(rows)).await
    }

    /// Starts an engine that only answers: it runs nothing, not even the pipelines that were running in the directory.
    pub(crate) async fn start_idle(state_dir: PathBuf) -> Result<Self, Failure> {
        Self::of(Engine::builder(state_dir).rows(Box::new(io::sink())).idle()).await
    }

    async fn of(builder: EngineBuilder) -> Result<Self, Failure> {
        let started_at = SystemTime::now();
        let engine = builder.start().await.context(EngineSnafu)?;
        let transport = server::transport_to_engine(&engine.url())?;
        Ok(Self {
            engine,
            transport,
            started_at,
        })
    }

    pub(crate) fn url(&self) -> String {
        self.engine.url()
    }

    /// Begins to print the rows of this pipeline.
    pub(crate) fn show_rows_of(&self, id: &PipelineId) {
        self.engine.show_rows_of(id);
    }

    /// Warns about the other pipelines in the directory, which were started again with the engine.
    pub(crate) fn warn_of_others_than(&self, id: &PipelineId, output: &Output) {
        for other in self.engine.resumed_at_start() {
            if other.id != *id {
                output.warning(&format!(
                    "pipeline {} ({:?}) was running when this directory was last used and has been started again; its rows are not shown",
                    other.id, other.name
                ));
            }
        }
    }

    /// Whether the pipeline finished in this engine, rather than in an earlier one on the same directory.
    pub(crate) async fn has_finished(&self, id: &PipelineId) -> bool {
        let client = Client::new(self.transport.clone());
        let jobs = client.jobs(id).await.unwrap_or_default();
        let mut ends = jobs.iter().filter_map(|job| job.finish_time);
        ends.any(|micros| UNIX_EPOCH + Duration::from_micros(micros) >= self.started_at)
    }

    /// Waits until the engine is unable to save its state, and not only for a moment. Returns why.
    pub(crate) async fn cannot_save(&self) -> String {
        self.engine.cannot_save(SAVE_PATIENCE).await
    }

    pub(crate) async fn close(self) -> Result<(), Failure> {
        self.engine.close().await.context(EngineSnafu)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use stepwell::arroyo::{CreatePipeline, JobState};

    use super::*;

    #[tokio::test]
    async fn what_has_finished_before_has_not_finished_here() {
        let directory = tempfile::tempdir().unwrap();
        let start = || EmbeddedEngine::start(directory.path().to_owned(), Box::new(io::sink()));
        let first = start().await.unwrap();
        let client = Client::new(first.transport.clone());
        let query = "CREATE TABLE events WITH (connector = 'impulse', event_rate = '1000', message_count = '1'); \
                     SELECT counter FROM events;";
        let pipeline = CreatePipeline::new("query", query, NonZeroU32::MIN);
        let id = client.create(&pipeline).await.unwrap().id;
        first.engine.show_rows_of(&id);
        while client.jobs(&id).await.unwrap()[0].state != JobState::Finished {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(first.has_finished(&id).await);
        first.close().await.unwrap();

        let second = start().await.unwrap();
        assert!(!second.has_finished(&id).await);
        second.close().await.unwrap();
    }
}
