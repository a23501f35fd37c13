//! The page of all pipelines.

use std::collections::HashMap;

use stepwell_arroyo::{Job, JobState, Pipeline, PipelineId};

use super::html::{Cell, Html, segment};
use super::{Moment, since};

/// All pipelines, in the order in which they are given.
pub(super) fn render(pipelines: &[Pipeline], jobs: &[Job], now: Moment) -> String {
    let mut html = Html::new("Pipelines");
    html.paragraph(&match pipelines.len() {
        0 => "There are no pipelines.".to_owned(),
        1 => "1 pipeline.".to_owned(),
        count => format!("{count} pipelines, the newest first."),
    });
    if !pipelines.is_empty() {
        let jobs: HashMap<&PipelineId, &Job> = jobs
            .iter()
            .filter_map(|job| Some((job.pipeline_id.as_ref()?, job)))
            .collect();
        html.table(
            ["Name", "Id", "State", "Run", "Since"],
            pipelines
                .iter()
                .map(|pipeline| row(pipeline, jobs.get(&pipeline.id).copied())),
        );
    }
    html.paragraph(&now.as_of());
    html.end()
}

fn row(pipeline: &Pipeline, job: Option<&Job>) -> [Cell; 5] {
    let id = pipeline.id.as_str();
    let link = Cell::Link(format!("/pipelines/{}", segment(id)), id.to_owned());
    let (state, run, since) = match job {
        None => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
        Some(job) => (shown(job), job.run_id.to_string(), since(job)),
    };
    [
        pipeline.name.as_str().into(),
        link,
        state.into(),
        run.into(),
        since.into(),
    ]
}

/// Its state; Stopped is not all there is to say of a job that is about to start again.
pub(super) fn shown(job: &Job) -> String {
    match (&job.state, job.running_desired) {
        (JobState::Stopped, true) => "Stopped, about to start".to_owned(),
        (state, true) => state.to_string(),
        (state, false) if state.is_terminal() => state.to_string(),
        (state, false) => format!("{state}, told to stop"),
    }
}
