//! Signals during `run`: the first one begins an orderly shutdown, a second one ends the process immediately.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use stepwell::Shutdown;

use super::{
    Interruption,
    signals::{Interruptions, Signals as _, second},
};
use crate::{failure::Failure, output::Output};

/// How long a message about a signal may take to write.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);

/// The first signal, if there was one. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstSignal(Arc<OnceLock<Interruption>>);

impl FirstSignal {
    pub(crate) fn get(&self) -> Option<Interruption> {
        self.0.get().copied()
    }
}

/// Lets the first signal begin the shutdown, and a second one end the process with a message about what may still be running.
pub(crate) fn begin_shutdown_on_signal(
    shutdown: &Shutdown,
    output: &Output,
) -> Result<FirstSignal, Failure> {
    let mut signals = Interruptions::listen()?;
    let first_signal = FirstSignal::default();
    let (noted, shutdown, output) = (first_signal.clone(), shutdown.clone(), output.clone());
    tokio::spawn(async move {
        let first = signals.next().await;
        // Set only here, so it cannot fail.
        let _ = noted.0.set(first);
        let (shown, pipelines) = (output.clone(), shutdown.pipelines());
        write(move || shown.interrupted(first, &pipelines)).await;
        shutdown.begin();
        let second = second(&mut signals).await;
        write(move || output.quit(second, &shutdown.pipelines())).await;
        std::process::exit(second.exit_code().into());
    });
    Ok(first_signal)
}

/// Writes a message to standard error, without waiting long for it: it may be a full pipe.
async fn write(message: impl FnOnce() + Send + 'static) {
    let written = tokio::task::spawn_blocking(message);
    let _ = tokio::time::timeout(WRITTEN_WITHIN, written).await;
}
