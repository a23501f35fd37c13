//! `stepwell stop`.

use std::time::Duration;

use snafu::OptionExt;
use stepwell::{Error, Options, PipelineId, Shutdown, StopError, Submission};

use crate::{
    arguments::Stop,
    exit::Exit,
    failure::{Failure, NoServerSnafu},
    output::Output,
    signal::{self, LeftBehind},
};

pub(crate) async fn stop(arguments: Stop, output: &Output) -> Result<Exit, Failure> {
    let transport = arguments.connection.transport()?.context(NoServerSnafu)?;
    let left_behind = LeftBehind::default();
    left_behind.set(Some(arguments.id.clone()));
    // The shutdown that a signal begins is not that of the stop: what was asked for is finished, unless asked for twice.
    signal::handle(&Shutdown::new(), output, &left_behind)?;
    let options = Options::builder()
        .observer(output.observer())
        // Somebody stands in front of it.
        .connect_timeout(Duration::from_secs(5))
        .stop_mode(arguments.stop_mode.into())
        .stop_timeout(arguments.stop_timeout)
        .build();
    let id = PipelineId::from_server(arguments.id);
    let pipeline = Submission::attach(transport, id, options).await?;
    match pipeline.stop().await {
        Ok(stopped) => {
            output.ended(
                stopped.id().as_str(),
                stopped.job().state.as_str(),
                stopped.final_checkpoint(),
            );
            Ok(Exit::Success)
        }
        Err(failure) => match failure.into_error() {
            // It was asked to end, and it has.
            Error::Stop {
                source: StopError::EndedOtherwise { id, job },
            } => {
                output.ended(id.as_str(), job.state.as_str(), None);
                Ok(Exit::Success)
            }
            error => Err(error.into()),
        },
    }
}
