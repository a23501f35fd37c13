//! Signals of `run`: the first asks for an orderly end, a later one ends the process at once.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use stepwell::Shutdown;

use crate::{
    failure::Failure,
    interrupt::{Interruption, Interruptions, Signals as _, second},
    output::Output,
};

/// How long a word about a signal may take.
const SAID_WITHIN: Duration = Duration::from_millis(500);

/// The first signal, if there was one. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstSignal(Arc<OnceLock<Interruption>>);

impl FirstSignal {
    pub(crate) fn get(&self) -> Option<Interruption> {
        self.0.get().copied()
    }
}

/// From here on a signal begins the shutdown, and a second one ends the process, with a last word on what may still be running.
pub(crate) fn handle(shutdown: &Shutdown, output: &Output) -> Result<FirstSignal, Failure> {
    let mut signals = Interruptions::listen()?;
    let first_signal = FirstSignal::default();
    let (noted, shutdown, output) = (first_signal.clone(), shutdown.clone(), output.clone());
    tokio::spawn(async move {
        let first = signals.next().await;
        // It is the only one that is noted.
        let _ = noted.0.set(first);
        let (says, pipelines) = (output.clone(), shutdown.pipelines());
        say(move || says.interrupted(first, &pipelines)).await;
        shutdown.begin();
        let second = second(&mut signals).await;
        say(move || output.quit(second, &shutdown.pipelines())).await;
        std::process::exit(second.exit_code().into());
    });
    Ok(first_signal)
}

/// Says something on standard error, which may be a pipe that is full: what follows does not wait for it long.
async fn say(words: impl FnOnce() + Send + 'static) {
    let said = tokio::task::spawn_blocking(words);
    let _ = tokio::time::timeout(SAID_WITHIN, said).await;
}
