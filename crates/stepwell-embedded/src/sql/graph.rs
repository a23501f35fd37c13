use stepwell_arroyo::{PipelineEdge, PipelineGraph, PipelineNode};

use super::connector::Connector;

/// The plan as a server shows it: source, one chained operator, sink (recordings `010_validate_good`, `011_validate_good_with_blackhole`).
pub(super) fn graph(
    table: &str,
    source: &Connector,
    sink: Option<&Connector>,
    parallelism: u32,
) -> PipelineGraph {
    let (operator, description) = match source {
        Connector::Impulse(impulse) => {
            let bounded = if impulse.is_bounded() { "Bounded" } else { "" };
            (
                "impulse",
                format!("{bounded}Impulse<{} eps>", impulse.events_per_second),
            )
        }
        Connector::Stdout => ("stdout", "Stdout".to_owned()),
        Connector::Blackhole => ("blackhole", "Blackhole".to_owned()),
    };
    let (sink_operator, sink_description) = match sink {
        None => ("preview", "PreviewSink"),
        Some(Connector::Stdout) => ("stdout", "Stdout"),
        Some(_) => ("blackhole", "Blackhole"),
    };
    let chain = format!("{table} -> watermark -> sink projection");
    PipelineGraph::new(
        vec![
            PipelineNode::new(0, operator, description, parallelism),
            PipelineNode::new(1, "chained_op", chain, parallelism),
            PipelineNode::new(4, sink_operator, sink_description, parallelism),
        ],
        vec![PipelineEdge::forward(0, 1), PipelineEdge::forward(1, 4)],
    )
}
