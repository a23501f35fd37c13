//! The embedded engine of one command.

use std::{io::Write, path::PathBuf};

use snafu::ResultExt;
use stepwell::SharedTransport;
use stepwell_embedded::Engine;

use crate::{
    failure::{EngineSnafu, Failure},
    server,
};

/// An engine in this process.
pub(crate) struct Local {
    engine: Engine,
    pub(crate) transport: SharedTransport,
}

impl Local {
    pub(crate) async fn start(
        state_dir: PathBuf,
        rows: Box<dyn Write + Send>,
    ) -> Result<Self, Failure> {
        let engine = Engine::builder(state_dir)
            .rows(rows)
            .start()
            .await
            .context(EngineSnafu)?;
        let transport = server::local(&engine.url())?;
        Ok(Self { engine, transport })
    }

    pub(crate) fn url(&self) -> String {
        self.engine.url()
    }

    pub(crate) async fn close(self) -> Result<(), Failure> {
        self.engine.close().await.context(EngineSnafu)
    }
}
