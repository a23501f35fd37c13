//! Submits the queries of all given files at once, over one transport and under one shutdown. If one fails, all are stopped.
//!
//! `ARROYO_URL=http://localhost:5115 cargo run -p stepwell --example submit_many_at_once -- a.sql b.sql c.sql`

use std::{env, error::Error, fs};

use stepwell::{
    HyperTransport, Outcome, PipelineSpec, Shutdown, StopPolicy, Submission, Transport as _,
};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("ARROYO_URL").unwrap_or_else(|_| "http://localhost:5115".to_owned());
    // Clones of a handle share connections and knowledge about the server.
    let transport = HyperTransport::builder(url).build()?.into_shared();
    let shutdown = Shutdown::new();
    let mut submissions = JoinSet::new();
    for file in env::args().skip(1) {
        // Pipelines created under one shutdown are not "others" to each other; those that already existed are.
        let spec = PipelineSpec::builder(fs::read_to_string(&file)?)
            .name(file)
            .force(true)
            .build()?;
        submissions.spawn(
            Submission::builder(transport.clone(), spec)
                .shutdown(&shutdown)
                .build()
                .run(),
        );
    }
    let mut running = Vec::new();
    while let Some(submission) = submissions.join_next().await {
        match submission? {
            Ok(Outcome::Running(submission)) => running.push(submission),
            Ok(_) => {}
            Err(error) => {
                println!("{}", shutdown.stop_all(StopPolicy::default()).await?);
                return Err(error.into());
            }
        }
    }
    for submission in running {
        println!(
            "{} runs: {}",
            submission.name(),
            submission.dashboard_url().unwrap_or_default()
        );
        submission.detach();
    }
    Ok(())
}
