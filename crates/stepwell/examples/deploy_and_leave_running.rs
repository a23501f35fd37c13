//! Deploys the query in a file and leaves it running, as a deploy job does.
//!
//! `ARROYO_URL=http://localhost:5115 cargo run -p stepwell --example deploy_and_leave_running -- query.sql`

use std::{env, error::Error, fs, time::Duration};

use stepwell::{HyperTransport, Options, PipelineSpec, Submission};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("ARROYO_URL").unwrap_or_else(|_| "http://localhost:5115".to_owned());
    let file = env::args().nth(1).ok_or("give the file with the query")?;
    let spec = PipelineSpec::builder(fs::read_to_string(file)?)
        .name("deployed")
        .build()?;
    // A query that fails on its first rows does reach Running, so require five seconds of it.
    let options = Options::default().with_stable_for(Duration::from_secs(5));

    let running = Submission::builder(HyperTransport::builder(url).build()?, spec)
        .options(options)
        .build()
        .connect()
        .await?
        .validate()
        .await?
        .resolve()
        .await?
        .register()
        .wait_until_running()
        .await?;
    let dashboard = running.dashboard_url().unwrap_or_default();
    println!("{} runs: {dashboard}", running.detach());
    Ok(())
}
