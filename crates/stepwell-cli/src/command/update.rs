//! `stepwell update`.

mod changes;

use stepwell::{
    Error, JobState, Submission,
    error::WaitError,
    state::{Registered, Running},
};

use self::changes::Changes;
use crate::{
    arguments::UpdateArguments,
    carry_out::Change,
    exit::Exit,
    failure::{Failure, NotRunningSnafu},
    find,
    interruption::Interruptions,
    output::Output,
};

pub(crate) async fn update(arguments: UpdateArguments, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let options = arguments.until.options(output);
    let found = async {
        let typed = &arguments.target.pipeline;
        let pipeline = find::attach_live(&arguments.place, typed, &options).await?;
        let running = running(pipeline).await?;
        let changes = Changes::of(&arguments.settings, &running.status().await?)?;
        Ok((running, changes))
    };
    let (running, changes) = interruptions.unless_interrupted(Box::pin(found)).await?;
    if changes.is_empty() {
        output.updated(running.id().as_str(), running.name(), &[]);
        return Ok(Exit::Success);
    }
    let change = Change {
        id: running.id().clone(),
        doing: "updating",
        until: &arguments.until,
        interruptions,
        output,
    };
    let send = async {
        let updated = Box::pin(running.update(changes.update())).await?;
        // What the server has ignored is a warning.
        let texts = changes.texts_without(updated.differences());
        if !texts.is_empty() {
            output.updated(updated.id().as_str(), updated.name(), &texts);
        }
        Ok(updated)
    };
    change.carry_out(Box::pin(send)).await
}

/// Waits until the pipeline runs, unless it has ended: only one that runs is updated.
async fn running(pipeline: Submission<Registered>) -> Result<Submission<Running>, Failure> {
    let refuse = |id: String, state: JobState| NotRunningSnafu { id, state }.fail();
    let job = pipeline.read_job().await?;
    if let Some(job) = job
        && job.state.is_terminal()
    {
        return refuse(pipeline.id().to_string(), job.state);
    }
    match pipeline.wait_until_running().await {
        Ok(running) => Ok(running),
        Err(failure) => match failure.into_error() {
            Error::Wait {
                source: WaitError::Stopped { id, job, .. } | WaitError::Finished { id, job },
            } => refuse(id.to_string(), job.state),
            error => Err(error.into()),
        },
    }
}
