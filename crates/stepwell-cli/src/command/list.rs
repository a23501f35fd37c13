//! `stepwell list`.

mod columns;
mod selection;

use std::fmt::Write as _;

use serde_json::json;
use stepwell::arroyo::Job;

use crate::{
    arguments::ListArguments, exit::Exit, failure::Failure, listing, moment, output::Output,
    standard_output,
};

use self::selection::Selected;

pub(crate) async fn list(arguments: ListArguments, output: &Output) -> Result<Exit, Failure> {
    let client = arguments.connection.client()?;
    let selection = arguments.selection;
    let all = listing::read(&client, |listed| selection.takes_name(&listed.name)).await?;
    let Selected { listed, note } = selection.of(&all);
    if let Some(note) = note {
        output.note(&note);
    }
    let text = if output.is_json() {
        let mut lines = String::new();
        for pipeline in listed {
            let line = json!({
                "id": pipeline.id, "name": pipeline.name, "created_at": moment::rfc_3339(pipeline.created_at),
                "state": pipeline.job.as_ref().map(|job| &job.state), "job": without_secrets(pipeline.job.as_ref()),
            });
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{line}");
        }
        lines
    } else if listed.is_empty() {
        String::new()
    } else {
        columns::lines(&listed, &all)
    };
    standard_output::print(text).await?;
    Ok(Exit::Success)
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
