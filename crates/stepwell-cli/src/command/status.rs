//! `stepwell status`.

use std::fmt::Write as _;

use stepwell::PipelineId;

use crate::{
    arguments::Status, command::list::without_secrets, exit::Exit, failure::Failure,
    output::Output, printable, standard_output,
};

pub(crate) async fn status(arguments: Status, output: &Output) -> Result<Exit, Failure> {
    let client = arguments.connection.client()?;
    let id = PipelineId::from_server(arguments.id);
    let pipeline = client.pipeline(&id).await?;
    let job = client
        .jobs(&id)
        .await?
        .into_iter()
        .max_by_key(|job| job.created_at);
    let (errors, checkpoints) = match &job {
        Some(job) => (
            client.job_errors(&id, &job.id).await?,
            client.checkpoints(&id, &job.id).await?,
        ),
        None => (Vec::new(), Vec::new()),
    };
    if output.is_json() {
        let status = serde_json::json!({
            "id": pipeline.id, "name": pipeline.name, "stop": pipeline.stop, "graph": pipeline.graph,
            "job": without_secrets(job.as_ref()), "errors": errors, "checkpoints": checkpoints,
        });
        standard_output::print(format!("{status}\n")).await?;
        return Ok(Exit::Success);
    }
    // Writing to a string cannot fail.
    let mut text = String::new();
    let _ = writeln!(text, "pipeline     {id}");
    let _ = writeln!(text, "name         {}", printable::line(&pipeline.name));
    if let Some(job) = &job {
        let wish = if job.running_desired {
            ""
        } else {
            " (told to stop)"
        };
        let _ = writeln!(text, "state        {}{wish}", job.state);
        let _ = writeln!(text, "job          {}, run {}", job.id, job.run_id);
        if let Some(reason) = &job.failure_reason {
            let _ = writeln!(text, "failed       {}", reason.error);
        }
    }
    if let Some(parallelism) = pipeline.graph.parallelism() {
        let _ = writeln!(text, "parallelism  {parallelism}");
    }
    let newest = checkpoints
        .iter()
        .filter(|checkpoint| checkpoint.finish_time.is_some())
        .max_by_key(|checkpoint| checkpoint.epoch);
    let _ = match newest {
        Some(checkpoint) => writeln!(
            text,
            "checkpoint   {} ({})",
            checkpoint.epoch, checkpoint.checkpoint_type
        ),
        None => writeln!(text, "checkpoint   none"),
    };
    for error in &errors {
        let _ = writeln!(
            text,
            "{:<12} {}: {}",
            error.level.to_string(),
            error.message,
            error.details
        );
    }
    standard_output::print(text).await?;
    Ok(Exit::Success)
}
