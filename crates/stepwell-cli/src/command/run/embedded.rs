//! A run on the embedded engine.

use stepwell::{Error, arroyo::JobState, error::ResolveError};
use stepwell_embedded::MAX_PARALLELISM;

use super::{
    rows::RowWriter,
    submit::{Reached, Submit},
};
use crate::{
    engine::EmbeddedEngine,
    exit::Exit,
    failure::{Failure, ParallelismSnafu},
    invocation::Invocation,
    output::Destination,
    state_directory,
};

pub(super) async fn on_engine(
    submit: Submit<'_>,
    invocation: &mut Invocation,
) -> Result<Exit, Failure> {
    let (arguments, output) = (submit.arguments, submit.output);
    if let Some(asked) = arguments.parallelism
        && asked.get() > MAX_PARALLELISM
    {
        let (asked, most) = (asked.get(), MAX_PARALLELISM);
        return ParallelismSnafu { asked, most }.fail();
    }
    output.destination(&Destination::Embedded(arguments.state_dir.as_deref()));
    let (directory, is_new) = match &arguments.state_dir {
        Some(directory) => (directory.clone(), false),
        None => (state_directory::fresh(&arguments.name())?, true),
    };
    let rows = RowWriter::new(output, submit.shutdown);
    let write_failure = rows.failure();
    let started = if arguments.dry_run {
        EmbeddedEngine::start_idle(directory.clone()).await
    } else {
        EmbeddedEngine::start(directory.clone(), Box::new(rows)).await
    };
    let engine = match started {
        Ok(engine) => engine,
        Err(failure) => {
            if is_new {
                let _ = std::fs::remove_dir_all(&directory);
            }
            return Err(failure);
        }
    };
    output.set_pipelines_end_with_us();
    // The new binding has a shorter lifetime, because the engine does not live as long as what else is borrowed.
    let mut submit: Submit<'_> = submit;
    submit.engine = Some(&engine);
    submit.write_failure = Some(write_failure);
    let mut result = submit.run(engine.transport.clone()).await;
    if let Err(Failure::Step {
        source: Error::Resolve {
            source: ResolveError::Finished { finished },
        },
    }) = &result
        && engine.has_finished(&finished.id).await
    {
        // A pipeline that was cut short continues as soon as the engine is up, and can finish before it is resolved.
        output.ended(finished.id.as_str(), JobState::Finished.as_str());
        result = Ok(Exit::Success);
    }
    let (reached, has_finished) = (submit.reached, submit.has_finished);
    drop(submit);
    let closed = engine.close().await;
    if is_new {
        if reached == Reached::Nothing || has_finished {
            // There is no state to continue from.
            let _ = std::fs::remove_dir_all(&directory);
        } else {
            invocation.keep_state_in(&directory);
            output.state_kept(&directory, invocation.resume().as_deref());
        }
    }
    let exit = result?;
    closed?;
    Ok(exit)
}
