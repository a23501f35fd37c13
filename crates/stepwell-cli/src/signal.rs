//! Signals: the first asks for an orderly end, the second leaves at once.

use std::sync::{Arc, Mutex, PoisonError};

use snafu::ResultExt;
use stepwell::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    exit::LEFT_AT_ONCE,
    failure::{Failure, SignalsSnafu},
    output::Output,
};

/// The pipeline that would be left running.
#[derive(Clone, Default)]
pub(crate) struct LeftBehind(Arc<Mutex<Option<String>>>);

impl LeftBehind {
    pub(crate) fn set(&self, pipeline: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pipeline;
    }

    fn get(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// From here on a signal begins the shutdown, and a second one ends the process.
pub(crate) fn handle(
    shutdown: &Shutdown,
    output: &Output,
    left_behind: &LeftBehind,
) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).context(SignalsSnafu)?;
    let mut terminate = signal(SignalKind::terminate()).context(SignalsSnafu)?;
    let (shutdown, output, left_behind) = (shutdown.clone(), output.clone(), left_behind.clone());
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        match left_behind.get() {
            Some(pipeline) => output.note(&format!(
                "stopping pipeline {pipeline}; once more leaves at once"
            )),
            None => output.note("stopping; once more leaves at once"),
        }
        shutdown.begin();
        either(&mut interrupt, &mut terminate).await;
        match left_behind.get() {
            Some(pipeline) => output.warning(&format!(
                "left at once; pipeline {pipeline} may still be running"
            )),
            None => output.warning("left at once"),
        }
        std::process::exit(LEFT_AT_ONCE);
    });
    Ok(())
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
