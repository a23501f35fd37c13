//! Runs the query in a file until it ends or Ctrl-C stops it with a final checkpoint.
//!
//! `ARROYO_URL=http://localhost:5115 cargo run -p stepwell --example run_under_a_signal_handler -- query.sql`

use std::{env, error::Error, fs};

use stepwell::{HyperTransport, Outcome, PipelineSpec, Shutdown, StopPolicy, Submission};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("ARROYO_URL").unwrap_or_else(|_| "http://localhost:5115".to_owned());
    let file = env::args().nth(1).ok_or("give the file with the query")?;
    let shutdown = Shutdown::new();
    let submission = Submission::builder(
        HyperTransport::builder(url).build()?,
        PipelineSpec::new(fs::read_to_string(file)?),
    )
    .shutdown(&shutdown)
    .build();

    let signal = shutdown.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            // From here on every step ends early; the pipelines are stopped below.
            signal.begin();
        }
    });

    let ended = async {
        match submission.run().await? {
            Outcome::Running(running) => running
                .ended()
                .await
                .map(|ended| ended.job.state.to_string()),
            Outcome::Finished(finished) => Ok(finished.job.state.to_string()),
            _ => Ok("in a state that this example does not know".to_owned()),
        }
    };
    match ended.await {
        Ok(state) => println!("the pipeline is {state}"),
        Err(stepwell::Error::ShutdownBegun) => {
            println!("{}", shutdown.stop_all(StopPolicy::default()).await?);
        }
        Err(error) => {
            // Leave nothing running that was started here.
            println!("{}", shutdown.stop_all(StopPolicy::default()).await?);
            return Err(error.into());
        }
    }
    Ok(())
}
