use stepwell_arroyo::{
    Checkpoint, CheckpointType, ErrorDomain, FailureReason, JobError, JobId, JobState,
    PipelineEdge, PipelineGraph, PipelineId, PipelineNode, StopMode,
};

use super::*;

const HOUR: u64 = 3_600_000_000;
/// 2026-01-02 03:04:05 UTC.
const THEN: u64 = 1_767_323_045_999_999;

fn pipeline(id: &str, name: &str, query: &str) -> Pipeline {
    Pipeline::new(PipelineId::from_server(id), name, query, THEN)
}

fn job(pipeline: &Pipeline, state: JobState) -> Job {
    let mut job = Job::new(JobId::from_server("job_1"), pipeline.id.clone(), THEN);
    job.state = state;
    job.run_id = 2;
    job.start_time = Some(THEN + HOUR);
    job
}

fn view(pipeline: Pipeline, job: Job) -> View {
    View {
        pipeline,
        job,
        errors: Vec::new(),
        checkpoints: Vec::new(),
        sizes: [].into(),
        rows: RowCounts::default(),
    }
}

/// What a reader sees: the text without tags, with cells and terms in columns.
fn read(html: &str) -> String {
    let body = html.split_once("<body>\n").unwrap().1;
    let mut text = body.replace("</th><th>", " | ").replace("</td><td>", " | ");
    text = text.replace("</dt><dd>", ": ");
    while let Some((before, rest)) = text.split_once('<') {
        text = format!("{before}{}", rest.split_once('>').unwrap().1);
    }
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_list_says_what_each_pipeline_is_at() {
    let one = pipeline("pl_1", "orders", "SELECT 1");
    let two = pipeline("a/b \"c\"", "words & more", "SELECT 1");
    let mut stopped = job(&two, JobState::Stopped);
    stopped.running_desired = false;
    stopped.finish_time = Some(THEN + 2 * HOUR);
    let jobs = [job(&one, JobState::Running), stopped];
    let three = pipeline("pl_3", "new", "SELECT 1");
    let html = list::render(&[one, two, three], &jobs, Moment(THEN + 3 * HOUR));
    assert_eq!(
        read(&html),
        "Pipelines\n\
         3 pipelines, the newest first.\n\
         Name | Id | State | Run | Since\n\
         orders | pl_1 | Running | 2 | 2026-01-02 04:04:05 UTC\n\
         words &amp; more | a/b &quot;c&quot; | Stopped | 2 | 2026-01-02 05:04:05 UTC\n\
         new | pl_3 | - | - | -\n\
         As of 2026-01-02 06:04:05 UTC. This page does not reload by itself."
    );
    assert!(
        html.contains("<a href=\"/pipelines/a%2Fb%20%22c%22\">"),
        "{html}"
    );
    let empty = list::render(&[], &[], Moment(THEN));
    assert!(empty.contains("There are no pipelines."), "{empty}");
}

#[test]
fn a_pipeline_is_shown_whole() {
    let query =
        "CREATE TABLE t WITH (connector = 'impulse', password = 'hunter2');\nSELECT 'x' FROM t;\n";
    let mut pipeline = pipeline("pl_1", "orders", query);
    pipeline.action = Some(StopMode::Checkpoint);
    pipeline.action_text = "Stop".to_owned();
    pipeline.action_in_progress = false;
    pipeline.graph = PipelineGraph::new(
        vec![
            PipelineNode::new(0, "impulse", "Impulse<10 eps>", 2),
            PipelineNode::new(1, "preview", "PreviewSink", 2),
        ],
        vec![PipelineEdge::forward(0, 1)],
    );
    let mut view = view(pipeline.clone(), job(&pipeline, JobState::Failing));
    view.job.failure_reason = Some(FailureReason::new("divide by zero", ErrorDomain::User));
    view.errors = vec![JobError::task_failed(
        "e",
        THEN,
        "divide by zero",
        ErrorDomain::User,
    )];
    view.checkpoints = (7..9)
        .map(|epoch| Checkpoint::new(epoch, "sqlite", CheckpointType::Scheduled, THEN))
        .collect();
    view.checkpoints[0].finish_time = Some(THEN + 1_000_000);
    view.sizes = [(7, 48)].into();
    view.rows = RowCounts {
        taken_in: None,
        given_out: Some(1234),
    };
    let html = pipeline::render(&view, Moment(THEN + 3 * HOUR));
    assert_eq!(
        read(&html),
        "Pipeline orders\n\
         All pipelines\n\
         Id: pl_1\n\
         State: Failing\n\
         Run: 2\n\
         Action: Stop (stop=checkpoint)\n\
         Created: 2026-01-02 03:04:05 UTC\n\
         Started: 2026-01-02 04:04:05 UTC\n\
         Finished: -\n\
         Failure: divide by zero (user)\n\
         Rows in since the engine was started: -\n\
         Rows out since the engine was started: 1234\n\
         Errors\n\
         When | Level | Message | Details\n\
         2026-01-02 03:04:05 UTC | error | task failed | divide by zero\n\
         Query\n\
         CREATE TABLE t WITH (connector = &#x27;impulse&#x27;, password = &#x27;*******&#x27;);\n\
         SELECT &#x27;x&#x27; FROM t;\n\
         Plan\n\
         Node | Operator | Description | Parallelism | Goes to\n\
         0 | impulse | Impulse&lt;10 eps&gt; | 2 | 1 (Forward)\n\
         1 | preview | PreviewSink | 2 | -\n\
         Checkpoints\n\
         Epoch | Type | Begun | Complete | Bytes\n\
         8 | scheduled | 2026-01-02 03:04:05 UTC | not yet | not kept\n\
         7 | scheduled | 2026-01-02 03:04:05 UTC | 2026-01-02 03:04:06 UTC | 48\n\
         As of 2026-01-02 06:04:05 UTC. This page does not reload by itself."
    );
}

/// Hostile text in every field that a client can set.
#[test]
fn nothing_in_a_pipeline_is_markup() {
    const HOSTILE: &str =
        "</pre></td><script>alert(1)</script>\" onload='x' \u{1b}[2J\u{202e}&amp;";
    let mut pipeline = pipeline(HOSTILE, HOSTILE, HOSTILE);
    pipeline.action_text = HOSTILE.to_owned();
    pipeline.action = Some(StopMode::Other(HOSTILE.to_owned()));
    let mut edge = PipelineEdge::forward(0, 0);
    edge.edge_type = HOSTILE.to_owned();
    pipeline.graph =
        PipelineGraph::new(vec![PipelineNode::new(0, HOSTILE, HOSTILE, 1)], vec![edge]);
    let mut view = view(
        pipeline.clone(),
        job(&pipeline, JobState::Other(HOSTILE.to_owned())),
    );
    let domain = ErrorDomain::Other(HOSTILE.to_owned());
    view.job.failure_reason = Some(FailureReason::new(HOSTILE, domain.clone()));
    view.errors = vec![JobError::task_failed(HOSTILE, THEN, HOSTILE, domain)];
    view.errors[0].message = HOSTILE.to_owned();
    view.checkpoints = vec![Checkpoint::new(
        1,
        HOSTILE,
        CheckpointType::Other(HOSTILE.to_owned()),
        THEN,
    )];
    for html in [
        pipeline::render(&view, Moment(THEN)),
        list::render(&[pipeline], &[view.job.clone()], Moment(THEN)),
    ] {
        for markup in ["<script", "onload='", "\u{1b}", "\u{202e}", "</pre></td>"] {
            assert!(!html.contains(markup), "{markup:?} in {html}");
        }
        assert!(html.contains("&lt;script&gt;"), "{html}");
        assert!(html.contains("&amp;amp;"), "{html}");
    }
}

#[test]
fn the_api_is_no_page() {
    for path in ["/api/v1", "/api/v1/", "/api/v1/pipelines", "/api/v1//"] {
        assert!(!is_page(path), "{path}");
    }
    for path in [
        "/",
        "",
        "*",
        "/pipelines",
        "/api",
        "/api/v2/pipelines",
        "/api/v10/x",
        "/x/api/v1/ping",
    ] {
        assert!(is_page(path), "{path}");
    }
}
