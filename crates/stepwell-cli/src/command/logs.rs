//! `stepwell logs`.

use std::{collections::HashSet, time::Duration};

use serde_json::json;
use stepwell::{
    JobState, Submission,
    arroyo::{Job, JobError},
    state::Registered,
};
use tokio::time::sleep;

use crate::{
    arguments::LogsArguments,
    carry_out,
    exit::Exit,
    failure::Failure,
    find,
    interruption::Interruptions,
    moment,
    output::{Output, logged},
    printable,
    standard_output::{self, Reader},
};

const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn logs(arguments: LogsArguments, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let options = carry_out::options(output);
    let looked = async {
        let place = arguments.place.open().await?;
        place.show(output);
        let typed = &arguments.target.pipeline;
        let pipeline = find::attach(&place.transport(), typed, &options).await?;
        // The job first: what it has logged before its end is then among the errors.
        let job = pipeline.read_job().await?;
        let mut errors = pipeline.job_errors().await?;
        if errors.is_empty() {
            output.note(&format!("pipeline {} has logged no errors", pipeline.id()));
        }
        if arguments.follow {
            errors.reverse();
        }
        let reader = print(&pipeline, errors.iter(), output).await?;
        let goes_on = place.at_rest().is_none() && reader == Reader::Reads;
        Ok((pipeline, job, errors, goes_on))
    };
    let (pipeline, job, errors, goes_on) =
        interruptions.unless_interrupted(Box::pin(looked)).await?;
    if !(arguments.follow && goes_on) {
        return Ok(Exit::Success);
    }
    let following = follow(&pipeline, job, ids(&errors), output);
    interruptions.until_interrupted(following).await
}

/// Prints new errors as they come, until the pipeline ends.
async fn follow(
    pipeline: &Submission<Registered>,
    mut job: Option<Job>,
    mut known: HashSet<String>,
    output: &Output,
) -> Result<Exit, Failure> {
    loop {
        if let Some(job) = job.filter(has_ended) {
            output.ended(pipeline.id().as_str(), job.state.as_str());
            return Ok(Exit::Success);
        }
        sleep(PAUSE).await;
        job = pipeline.read_job().await?;
        let errors = pipeline.job_errors().await?;
        let new = errors
            .iter()
            .rev()
            .filter(|error| !known.contains(&error.id));
        if print(pipeline, new, output).await? == Reader::HasGone {
            return Ok(Exit::Success);
        }
        known = ids(&errors);
    }
}

fn has_ended(job: &Job) -> bool {
    job.state.is_terminal() && !(job.state == JobState::Stopped && job.running_desired)
}

fn ids(errors: &[JobError]) -> HashSet<String> {
    errors.iter().map(|error| error.id.clone()).collect()
}

async fn print(
    pipeline: &Submission<Registered>,
    errors: impl Iterator<Item = &JobError>,
    output: &Output,
) -> Result<Reader, Failure> {
    let id = pipeline.id().as_str();
    let is_json = output.is_json();
    let lines = errors.map(|error| {
        if is_json {
            as_json(id, error)
        } else {
            as_text(error)
        }
    });
    standard_output::print_some(lines.collect()).await
}

fn as_json(id: &str, error: &JobError) -> String {
    let mut line = json!(error);
    line["pipeline_id"] = id.into();
    line["created_at"] = json!(moment::rfc_3339(error.created_at));
    format!("{line}\n")
}

/// The time, the severity and the text, on one line.
fn as_text(error: &JobError) -> String {
    let time = moment::date(error.created_at).unwrap_or_default();
    let level = printable::line(error.level.as_str());
    let text = logged(error);
    format!("{time}  {level}  {}\n", printable::line(text.trim_end()))
}
