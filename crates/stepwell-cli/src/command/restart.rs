//! `stepwell restart`.

use stepwell::{Error, JobState, Submission, error::StopError, state::Registered};

use crate::{
    arguments::RestartArguments, carry_out::Change, exit::Exit, failure::Failure, find,
    interruption::Interruptions, output::Output,
};

pub(crate) async fn restart(arguments: RestartArguments, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let options = arguments
        .until
        .options(output)
        .with_stop_mode(arguments.stopping.stop_mode.into())
        .with_stop_timeout(arguments.stopping.stop_timeout);
    let found = find::attach_live(&arguments.place, &arguments.target.pipeline, &options);
    let pipeline = interruptions.unless_interrupted(found).await?;
    let change = Change {
        id: pipeline.id().clone(),
        doing: "restarting",
        until: &arguments.until,
        interruptions,
        output,
    };
    let stop_and_start = Box::pin(stop_and_start(pipeline, output));
    change.carry_out(stop_and_start).await
}

/// Stops the pipeline if it runs, and starts it.
async fn stop_and_start(
    pipeline: Submission<Registered>,
    output: &Output,
) -> Result<Submission<Registered>, Failure> {
    let job = pipeline.read_job().await?;
    let has_ended = job.is_some_and(|job| job.state.is_terminal() && !is_about_to_start(&job));
    if has_ended {
        return Ok(pipeline.start().await?);
    }
    match pipeline.stop().await {
        Ok(stopped) => {
            output.stopped(
                stopped.id().as_str(),
                stopped.name(),
                &stopped.job().state,
                stopped.final_checkpoint(),
            );
            Ok(stopped.start().await?)
        }
        Err(failure) => match failure.into_parts() {
            // It has failed meanwhile, or has finished, which start says.
            (
                Error::Stop {
                    source: StopError::EndedOtherwise { .. },
                },
                pipeline,
            ) => Ok(pipeline.start().await?),
            (error, _) => Err(error.into()),
        },
    }
}

fn is_about_to_start(job: &stepwell::arroyo::Job) -> bool {
    job.state == JobState::Stopped && job.running_desired
}
