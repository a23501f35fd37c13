//! `stepwell list`.

use std::fmt::Write as _;

use stepwell::arroyo::{Client, Job, Pipeline};

use crate::{
    arguments::List, exit::Exit, failure::Failure, output::Output, printable, standard_output,
};

pub(crate) async fn list(arguments: List, output: &Output) -> Result<Exit, Failure> {
    let client = arguments.connection.client()?;
    let pipelines = client.all_pipelines().await?;
    if pipelines.is_empty() {
        output.note("there are no pipelines");
    }
    // Writing to a string cannot fail.
    let mut text = String::new();
    if !output.is_json() && !pipelines.is_empty() {
        let _ = writeln!(text, "{:<44} {:<20} {:>4}  NAME", "ID", "STATE", "RUN");
    }
    for pipeline in pipelines {
        let job = job(&client, &pipeline).await?;
        if output.is_json() {
            let _ = writeln!(
                text,
                "{}",
                serde_json::json!({ "id": pipeline.id, "name": pipeline.name, "job": without_secrets(job.as_ref()) })
            );
            continue;
        }
        let (state, run) = job.map_or(("-".to_owned(), "-".to_owned()), |job| {
            (job.state.to_string(), job.run_id.to_string())
        });
        let _ = writeln!(
            text,
            "{:<44} {:<20} {run:>4}  {}",
            printable::line(pipeline.id.as_str()),
            printable::line(&state),
            printable::line(&pipeline.name)
        );
    }
    standard_output::print(text).await?;
    Ok(Exit::Success)
}

/// The job without its environment and its scheduler's configuration, which carry passwords as the query does.
pub(super) fn without_secrets(job: Option<&Job>) -> serde_json::Value {
    let mut job = serde_json::json!(job);
    if let Some(job) = job.as_object_mut() {
        job.remove("env_vars");
        job.remove("scheduler_config");
    }
    job
}

/// Its job; `None` when it has none, or was deleted since it was listed.
async fn job(client: &Client, pipeline: &Pipeline) -> Result<Option<Job>, Failure> {
    match client.jobs(&pipeline.id).await {
        Ok(jobs) => Ok(jobs.into_iter().max_by_key(|job| job.created_at)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
