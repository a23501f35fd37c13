//! `stepwell list`.

mod columns;
mod selection;
mod watch;

use serde_json::json;
use stepwell::arroyo::{Client, Job};

use crate::{
    arguments::{ListArguments, Selection},
    exit::Exit,
    failure::Failure,
    listing::{self, ListedPipeline},
    moment,
    output::Output,
    standard_output,
};

use self::selection::Selected;
pub(crate) use self::watch::watch;

pub(crate) async fn list(arguments: ListArguments, output: &Output) -> Result<Exit, Failure> {
    let place = arguments.place.open().await?;
    place.show(output);
    let all = read(&place.client(), &arguments.selection).await?;
    let Selected { listed, note } = arguments.selection.of(&all);
    if let Some(note) = note {
        output.note(&note);
    }
    let text = if output.is_json() {
        listed.iter().map(|pipeline| as_json(pipeline)).collect()
    } else {
        as_table(&listed, &all)
    };
    standard_output::print(text).await?;
    Ok(Exit::Success)
}

/// Reads all pipelines, and the jobs of those with a name that is selected.
async fn read(client: &Client, selection: &Selection) -> Result<Vec<ListedPipeline>, Failure> {
    Ok(listing::read(client, |listed| selection.takes_name(&listed.name)).await?)
}

fn as_json(pipeline: &ListedPipeline) -> String {
    let line = json!({
        "id": pipeline.id, "name": pipeline.name, "created_at": moment::rfc_3339(pipeline.created_at),
        "state": pipeline.job.as_ref().map(|job| &job.state), "job": without_secrets(pipeline.job.as_ref()),
    });
    format!("{line}\n")
}

fn as_table(listed: &[&ListedPipeline], all: &[ListedPipeline]) -> String {
    if listed.is_empty() {
        return String::new();
    }
    columns::lines(listed, all)
}

/// The job without its environment and its scheduler's configuration, which may contain passwords.
pub(super) fn without_secrets(job: Option<&Job>) -> serde_json::Value {
    let mut job = json!(job);
    if let Some(job) = job.as_object_mut() {
        job.remove("env_vars");
        job.remove("scheduler_config");
    }
    job
}
