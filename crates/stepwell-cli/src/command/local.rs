//! The embedded engine of one command, and where its rows go.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use snafu::ResultExt;
use stepwell::{SharedTransport, Shutdown};
use stepwell_embedded::Engine;

use crate::{
    failure::{EngineSnafu, Failure},
    output::Output,
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

/// Standard output as the place of rows. When its reader has gone, as in `| head`, that is a wish to stop, not a failure of the job.
pub(crate) struct Stdout {
    output: Output,
    shutdown: Shutdown,
    closed: bool,
}

impl Stdout {
    pub(crate) fn new(output: &Output, shutdown: &Shutdown) -> Self {
        Self {
            output: output.clone(),
            shutdown: shutdown.clone(),
            closed: false,
        }
    }

    fn take(&mut self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                self.shutdown.begin();
                Ok(())
            }
            written => written,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.closed {
            let written = self.output.suspend(|| io::stdout().lock().write_all(bytes));
            self.take(written)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.output.suspend(|| io::stdout().lock().flush());
        self.take(flushed)
    }
}
