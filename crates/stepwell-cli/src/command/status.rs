//! `stepwell status`.

use stepwell::PipelineId;

use crate::{
    arguments::Status,
    command::list::{printable, without_secrets},
    exit::Exit,
    failure::Failure,
    output::{Output, print_line},
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
        print_line!("{status}");
        return Ok(Exit::Success);
    }
    print_line!("pipeline     {id}");
    print_line!("name         {}", printable(&pipeline.name));
    if let Some(job) = &job {
        let wish = if job.running_desired {
            ""
        } else {
            " (told to stop)"
        };
        print_line!("state        {}{wish}", job.state);
        print_line!("job          {}, run {}", job.id, job.run_id);
        if let Some(reason) = &job.failure_reason {
            print_line!("failed       {}", reason.error);
        }
    }
    if let Some(parallelism) = pipeline.graph.parallelism() {
        print_line!("parallelism  {parallelism}");
    }
    let newest = checkpoints
        .iter()
        .filter(|checkpoint| checkpoint.finish_time.is_some())
        .max_by_key(|checkpoint| checkpoint.epoch);
    match newest {
        Some(checkpoint) => print_line!(
            "checkpoint   {} ({})",
            checkpoint.epoch,
            checkpoint.checkpoint_type
        ),
        None => print_line!("checkpoint   none"),
    }
    for error in &errors {
        print_line!(
            "{:<12} {}: {}",
            error.level.to_string(),
            error.message,
            error.details
        );
    }
    Ok(Exit::Success)
}
