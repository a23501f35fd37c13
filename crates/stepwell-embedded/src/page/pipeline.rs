//! The page of one pipeline.

use std::collections::BTreeMap;

use stepwell_arroyo::{Checkpoint, Job, JobError, Pipeline, PipelineGraph, StopMode, mask_options};

use super::html::{Cell, Html};
use super::job::state_text;
use super::time::{Moment, moment};

/// Everything that the page of a pipeline shows.
#[derive(Debug)]
pub(super) struct View {
    pub(super) pipeline: Pipeline,
    pub(super) job: Job,
    pub(super) errors: Vec<JobError>,
    pub(super) checkpoints: Vec<Checkpoint>,
    /// The sizes in bytes of the checkpoints that are kept, by epoch.
    pub(super) sizes: BTreeMap<u64, u64>,
    pub(super) rows: RowCounts,
}

/// Row counts since the engine was started.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowCounts {
    /// `None`: no source counts them.
    pub(super) taken_in: Option<u64>,
    /// `None`: the job has not run since.
    pub(super) given_out: Option<u64>,
}

pub(super) fn render(view: &View, now: Moment) -> String {
    let mut html = Html::new(&format!("Pipeline {}", view.pipeline.name));
    html.link("/pipelines", "All pipelines");
    html.terms(&state(view));
    errors(&mut html, &view.errors);
    html.heading("Query");
    // The options of connectors contain passwords.
    html.verbatim(mask_options(&view.pipeline.query).trim());
    graph(&mut html, &view.pipeline.graph);
    checkpoints(&mut html, view);
    html.paragraph(&now.as_of());
    html.end()
}

fn state(view: &View) -> Vec<(&'static str, Cell)> {
    let View {
        pipeline,
        job,
        rows,
        ..
    } = view;
    let moment_or_dash = |time: Option<u64>| time.map_or_else(dash, moment);
    let count = |count: Option<u64>| count.map_or_else(dash, |count| count.to_string());
    let mut terms = vec![
        ("Id", pipeline.id.as_str().into()),
        ("State", state_text(job).into()),
        ("Run", job.run_id.to_string().into()),
        ("Action", action(pipeline).into()),
        ("Created", moment(pipeline.created_at).into()),
        ("Started", moment_or_dash(job.start_time).into()),
        ("Finished", moment_or_dash(job.finish_time).into()),
    ];
    if let Some(failure) = &job.failure_reason {
        let domain = failure
            .domain
            .as_ref()
            .map_or_else(String::new, |domain| format!(" ({domain})"));
        terms.push(("Failure", format!("{}{domain}", failure.error).into()));
    }
    terms.extend([
        (
            "Rows in since the engine was started",
            count(rows.taken_in).into(),
        ),
        (
            "Rows out since the engine was started",
            count(rows.given_out).into(),
        ),
    ]);
    terms
}

/// The action that the API offers now; a dashboard would put it on a button.
fn action(pipeline: &Pipeline) -> String {
    let text = &pipeline.action_text;
    match (&pipeline.action, pipeline.action_in_progress) {
        (Some(StopMode::None), _) => format!("{text} (resume it: stop=none)"),
        (Some(mode), true) => format!("{text} (stop={mode}), on its way"),
        (Some(mode), false) => format!("{text} (stop={mode})"),
        (None, _) => format!("none ({text})"),
    }
}

fn errors(html: &mut Html, errors: &[JobError]) {
    if errors.is_empty() {
        return;
    }
    html.heading("Errors");
    html.table(
        ["When", "Level", "Message", "Details"],
        errors.iter().map(|error| {
            [
                moment(error.created_at).into(),
                error.level.to_string().into(),
                error.message.as_str().into(),
                error.details.as_str().into(),
            ]
        }),
    );
}

fn graph(html: &mut Html, graph: &PipelineGraph) {
    html.heading("Plan");
    html.table(
        ["Node", "Operator", "Description", "Parallelism", "Goes to"],
        graph.nodes().iter().map(|node| {
            let targets: Vec<_> = graph
                .edges()
                .iter()
                .filter(|edge| edge.src_id == node.node_id)
                .map(|edge| format!("{} ({})", edge.dest_id, edge.edge_type))
                .collect();
            [
                node.node_id.to_string().into(),
                node.operator.as_str().into(),
                node.description.as_str().into(),
                node.parallelism.to_string().into(),
                if targets.is_empty() {
                    dash().into()
                } else {
                    targets.join(", ").into()
                },
            ]
        }),
    );
}

fn checkpoints(html: &mut Html, view: &View) {
    html.heading("Checkpoints");
    if view.checkpoints.is_empty() {
        html.paragraph("There are none.");
        return;
    }
    html.table(
        ["Epoch", "Type", "Begun", "Complete", "Bytes"],
        // The newest first: it is of most interest.
        view.checkpoints.iter().rev().map(|checkpoint| {
            let size = view.sizes.get(&checkpoint.epoch);
            [
                checkpoint.epoch.to_string().into(),
                checkpoint
                    .checkpoint_type
                    .as_ref()
                    .map_or_else(dash, ToString::to_string)
                    .into(),
                moment(checkpoint.start_time).into(),
                checkpoint
                    .finish_time
                    .map_or_else(|| "not yet".to_owned(), moment)
                    .into(),
                size.map_or_else(|| "not kept".to_owned(), u64::to_string)
                    .into(),
            ]
        }),
    );
}

fn dash() -> String {
    "-".to_owned()
}
