//! The pipelines that the canned server holds.

use std::num::NonZeroU32;

use stepwell::{PipelineSpec, spec::SpecError};
use stepwell_arroyo::{Pipeline, PipelineEdge, PipelineGraph, PipelineId, PipelineNode};

/// The minimum size of a pipeline's graph, in bytes of JSON.
const GRAPH: usize = 4096;

/// The operators of a windowed join, with descriptions as an Arroyo writes them.
const OPERATORS: [(&str, &str); 6] = [
    ("kafka_source", "KafkaSource<orders>"),
    (
        "chained_op",
        "orders -> watermark -> key projection -> value projection",
    ),
    (
        "tumbling_window_aggregate",
        "TumblingWindow<60s>: count(*), sum(orders.amount), max(orders.placed_at)",
    ),
    ("join_with_expiration", "Join<Inner, expiration: 86400s>"),
    (
        "chained_op",
        "window projection -> filter -> sink projection",
    ),
    ("kafka_sink", "KafkaSink<totals>"),
];

/// A plan of about 4 KiB of JSON, the size of a query with a few joins.
pub fn graph() -> PipelineGraph {
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    let mut size = 0;
    for id in 0_u32.. {
        let (operator, description) = OPERATORS[id as usize % OPERATORS.len()];
        nodes.push(PipelineNode::new(id, operator, description, 1));
        if id > 0 {
            edges.push(PipelineEdge::shuffle(id - 1, id));
        }
        size += operator.len() + description.len() + 155;
        if size >= GRAPH {
            break;
        }
    }
    PipelineGraph::new(nodes, edges)
}

/// The query of the pipeline with this number. It has line breaks, which JSON escapes.
pub fn query(number: usize) -> String {
    format!(
        "CREATE TABLE orders (id BIGINT, amount DOUBLE, placed_at TIMESTAMP)\n  WITH (connector = 'kafka', topic = 'orders', format = 'json');\n\
         CREATE TABLE totals (orders BIGINT) WITH (connector = 'kafka', topic = 'totals_{number}', format = 'json');\n\
         INSERT INTO totals\n  SELECT count(*) FROM orders WHERE amount > {number} GROUP BY tumble(INTERVAL '1' MINUTE);\n"
    )
}

/// The pipeline with this number. A higher one is older.
pub fn pipeline(number: usize) -> Pipeline {
    let newest = 1_795_574_859_000_000;
    let mut pipeline = Pipeline::new(
        PipelineId::from_server(format!("pl_{number:010}")),
        format!("totals of shop {number}"),
        query(number),
        newest - number as u64 * 2_000_000,
    );
    pipeline.graph = graph();
    pipeline
}

/// The query to submit, which the server does not hold yet.
pub fn new_query() -> String {
    query(usize::MAX)
}

/// The query to find among `held` pipelines, which is in the middle.
pub fn held_query(held: usize) -> String {
    query(held / 2)
}

/// The spec of a query.
///
/// # Errors
///
/// Never fails with the queries of this module.
pub fn spec(query: &str) -> Result<PipelineSpec, SpecError> {
    PipelineSpec::builder(query)
        .name("totals")
        .parallelism(NonZeroU32::MIN)
        .force(true)
        .build()
}
