//! `stepwell stop`.

use std::time::Duration;

use snafu::OptionExt;
use stepwell::{
    Error, JobState, Options, PipelineId, Shutdown, Submission,
    arroyo::Client,
    error::{AttachError, StopError},
    state::Registered,
};

use crate::{
    arguments::Stop,
    exit::Exit,
    failure::{self, Failure, JobFailedSnafu, NoServerSnafu},
    interrupt::Interruptions,
    output::Output,
    target,
};

pub(crate) async fn stop(arguments: Stop, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let transport = arguments.connection.transport()?.context(NoServerSnafu)?;
    let options = Options::default()
        .with_observer(output.observer())
        // Somebody stands in front of it.
        .with_connect_timeout(Duration::from_secs(5))
        .with_stop_mode(arguments.stopping.stop_mode.into())
        .with_stop_timeout(arguments.stopping.stop_timeout);
    let client = Client::new(transport.clone());
    let shutdown = Shutdown::new();
    let attach = async |id: PipelineId| {
        Ok(Submission::attach(transport.clone(), id, &shutdown, options.clone()).await?)
    };
    let is_missing = |failure: &Failure| {
        matches!(
            failure,
            Failure::Step {
                source: Error::Attach {
                    source: AttachError::NotFound { .. }
                }
            }
        )
    };
    let found = target::find(&client, &arguments.target.pipeline, attach, is_missing);
    let pipeline = interruptions.unless_interrupted(found).await?;
    let id = pipeline.id().clone();
    // What was asked for is finished, unless a second signal says otherwise.
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
                stopped.job().state.as_str(),
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
            // It was asked to end, and it has.
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
