//! The page of all pipelines.

use std::collections::HashMap;

use stepwell_arroyo::{Job, Pipeline, PipelineId};

use super::html::{Cell, Html, segment};
use super::job::{since, state_text};
use super::time::Moment;

/// All pipelines, in the given order.
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
        Some(job) => (state_text(job), job.run_id.to_string(), since(job)),
    };
    [
        pipeline.name.as_str().into(),
        link,
        state.into(),
        run.into(),
        since.into(),
    ]
}
