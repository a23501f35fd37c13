//! Keeps one pipeline for each `.sql` file of a directory: deployed when the file is there, replaced when it changes, deleted when it goes.
//! SIGTERM leaves everything running. The next start goes on, also after `kill -9`.
//!
//! `ARROYO_URL=http://localhost:5115 cargo run -p stepwell --example orchestrator -- directory`

mod files;
mod orchestrator;

use std::{env, error::Error, time::Duration};

use stepwell::{HyperTransport, Options, Shutdown, Transport as _, observe::Event};
use tokio::signal::unix::{SignalKind, signal};

use crate::orchestrator::Orchestrator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("ARROYO_URL").unwrap_or_else(|_| "http://localhost:5115".to_owned());
    let orchestrator = Orchestrator {
        directory: env::args().nth(1).ok_or("give the directory")?.into(),
        server: HyperTransport::builder(url).build()?.into_shared(),
        shutdown: Shutdown::new(),
        options: Options::default().with_observer(|event: &Event| {
            if matches!(event, Event::JobTrouble { .. }) {
                eprintln!("{event:?}");
            }
        }),
        report: |name: &str, line: &str| eprintln!("{name}: {line}"),
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = orchestrator.shutdown.clone();
    let running = tokio::spawn(orchestrator.run());
    terminate.recv().await;
    let drained = shutdown.drain(Duration::from_secs(30)).await;
    // A replacement that was cut short puts the old pipeline back.
    running.await?;
    println!("{}", drained?);
    Ok(())
}
