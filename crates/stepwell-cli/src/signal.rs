//! Signals of `run`: the first asks for an orderly end, a later one ends the process at once.

use std::sync::{Arc, OnceLock};

use stepwell::Shutdown;

use crate::{
    failure::Failure,
    interrupt::{Interruption, Interruptions, twice},
    output::Output,
};

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
    let noted = first_signal.clone();
    let (shutdown, output) = (shutdown.clone(), output.clone());
    tokio::spawn(async move {
        let note = |first| {
            // It is the only one that is noted.
            let _ = noted.0.set(first);
            output.interrupted(first, &shutdown.pipelines());
            shutdown.begin();
        };
        let (second, ()) = twice(&mut signals, note).await;
        output.quit(second, &shutdown.pipelines());
        std::process::exit(second.exit_code().into());
    });
    Ok(first_signal)
}
