//! `stepwell stop`.

use stepwell::{Error, JobState, Submission, error::StopError, state::Registered};

use crate::{
    arguments::StopArguments,
    carry_out,
    exit::Exit,
    failure::{self, Failure, JobFailedSnafu},
    find,
    interruption::Interruptions,
    output::Output,
};

pub(crate) async fn stop(arguments: StopArguments, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let options = carry_out::options(output)
        .with_stop_mode(arguments.stopping.stop_mode.into())
        .with_stop_timeout(arguments.stopping.stop_timeout);
    let found = find::attach_live(&arguments.place, &arguments.target.pipeline, &options);
    let pipeline = interruptions.unless_interrupted(found).await?;
    let id = pipeline.id().clone();
    // The stop is completed unless a second signal comes.
    interruptions
        .unless_interrupted_twice(stop_pipeline(pipeline, output), |signal| {
            output.note(&format!("stopping pipeline {id}; {}", signal.again()));
            format!("pipeline {id} may still be running")
        })
        .await
}

async fn stop_pipeline(pipeline: Submission<Registered>, output: &Output) -> Result<Exit, Failure> {
    match pipeline.stop().await {
        Ok(stopped) => {
            output.stopped(
                stopped.id().as_str(),
                stopped.name(),
                &stopped.job().state,
                stopped.final_checkpoint(),
            );
            Ok(Exit::Success)
        }
        Err(failure) => match failure.into_error() {
            Error::Stop {
                source: StopError::EndedOtherwise { id, job },
            } if job.state == JobState::Failed => JobFailedSnafu {
                id: id.to_string(),
                reason: failure::reason(Some(&job), None),
            }
            .fail(),
            // The pipeline has ended, which is what was asked for.
            Error::Stop {
                source: StopError::EndedOtherwise { id, job },
            } => {
                output.ended(id.as_str(), job.state.as_str());
                Ok(Exit::Success)
            }
            error => Err(error.into()),
        },
    }
}
