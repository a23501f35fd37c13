//! What is shown after a signal.

use std::sync::atomic::Ordering;

use stepwell::shutdown::KnownPipeline;

use super::{InFormat, Output, json::Json};
use crate::{failure::left_behind, interruption::Interruption};

impl Output {
    /// Shows that a signal has begun the shutdown, which stops these pipelines.
    pub(crate) fn interrupted(&self, signal: Interruption, pipelines: &[KnownPipeline]) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
                output.clear();
                let again = signal.again();
                output.note(&match pipelines {
                    [] => format!("stopping; {again}"),
                    _ => format!("stopping pipeline {}; {again}", names(pipelines)),
                });
            }
            InFormat::Json(output) => output.interrupted(signal, pipelines),
        }
    }

    /// Shows that a second signal ends the process, and what it leaves behind. This is an error, so `--quiet` does not hide it.
    pub(crate) fn quit(&self, signal: Interruption, pipelines: &[KnownPipeline]) {
        let text = match pipelines {
            [] => format!("quit on a second {signal}"),
            _ => format!(
                "quit on a second {signal}; pipeline {} {}",
                names(pipelines),
                left_behind(self.pipelines_end_with_us.load(Ordering::Relaxed))
            ),
        };
        match &mut *self.lock() {
            InFormat::Text(output) => {
                output.clear();
                output.error(&text, &[]);
            }
            InFormat::Json(_) => Json::quit(&text, signal, pipelines),
        }
    }
}

fn names(pipelines: &[KnownPipeline]) -> String {
    let name = |pipeline: &KnownPipeline| match &pipeline.id {
        Some(id) => id.to_string(),
        None => format!("{:?} (its id is not known)", pipeline.name),
    };
    pipelines.iter().map(name).collect::<Vec<_>>().join(", ")
}
