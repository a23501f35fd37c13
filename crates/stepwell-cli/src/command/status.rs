//! `stepwell status`.

use stepwell::PipelineId;

use crate::{
    arguments::Status, command::list::printable, exit::Exit, failure::Failure, output::Output,
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
            "job": job, "errors": errors, "checkpoints": checkpoints,
        });
        println!("{status}");
        return Ok(Exit::Success);
    }
    println!("pipeline     {id}");
    println!("name         {}", printable(&pipeline.name));
    if let Some(job) = &job {
        let wish = if job.running_desired {
            ""
        } else {
            " (told to stop)"
        };
        println!("state        {}{wish}", job.state);
        println!("job          {}, run {}", job.id, job.run_id);
        if let Some(reason) = &job.failure_reason {
            println!("failed       {}", reason.error);
        }
    }
    if let Some(parallelism) = pipeline.graph.parallelism() {
        println!("parallelism  {parallelism}");
    }
    let newest = checkpoints
        .iter()
        .filter(|checkpoint| checkpoint.finish_time.is_some())
        .max_by_key(|checkpoint| checkpoint.epoch);
    match newest {
        Some(checkpoint) => println!(
            "checkpoint   {} ({})",
            checkpoint.epoch, checkpoint.checkpoint_type
        ),
        None => println!("checkpoint   none"),
    }
    for error in &errors {
        println!(
            "{:<12} {}: {}",
            error.level.to_string(),
            error.message,
            error.details
        );
    }
    Ok(Exit::Success)
}
