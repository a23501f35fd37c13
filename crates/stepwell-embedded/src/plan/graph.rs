//! The graph of a program as the API shows it.

use std::collections::BTreeMap;

use stepwell_arroyo::{PipelineEdge, PipelineGraph, PipelineNode};

use crate::run::program::{Next, Parts};

/// The graph that Arroyo would show: sources, what is chained to them, windows and sinks (recordings `010_validate_good`,
/// `011_validate_good_with_blackhole`, `012_validate_window_agg`).
pub(crate) fn graph(parts: &Parts) -> PipelineGraph {
    let mut drawing = Drawing {
        parts,
        nodes: Vec::new(),
        edges: Vec::new(),
        windows: BTreeMap::new(),
        sinks: BTreeMap::new(),
        unused: 0,
    };
    for source in &parts.sources {
        let (operator, description) = source.connector.node();
        let id = drawing.node(drawing.unused, operator, description);
        for consumer in &source.consumers {
            let chain = drawing.unused;
            let next = parts.after_steps(*consumer);
            let last = match next {
                Next::Operator(_) => "ArrowKey<_>",
                Next::Sink(_) => "sink projection",
            };
            let description = format!("{} -> watermark -> {last}", source.table.name);
            drawing.node(chain, "chained_op", description);
            drawing.edges.push(PipelineEdge::forward(id, chain));
            drawing.follow(chain, next);
        }
    }
    PipelineGraph::new(drawing.nodes, drawing.edges)
}

struct Drawing<'a> {
    parts: &'a Parts,
    nodes: Vec<PipelineNode>,
    edges: Vec<PipelineEdge>,
    /// The node ids of windows and sinks, by their numbers.
    windows: BTreeMap<usize, u32>,
    sinks: BTreeMap<usize, u32>,
    /// The lowest unused id.
    unused: u32,
}

impl Drawing<'_> {
    fn node(&mut self, id: u32, operator: &str, description: impl Into<String>) -> u32 {
        let node = PipelineNode::new(id, operator, description.into(), self.parts.parallelism);
        self.nodes.push(node);
        self.unused = id + 1;
        id
    }

    /// Draws what comes after a node. Ids leave room for what Arroyo chains together.
    fn follow(&mut self, from: u32, next: Next) {
        match next {
            Next::Sink(number) => {
                let id = self.sink(number, from);
                self.edges.push(PipelineEdge::forward(from, id));
            }
            Next::Operator(number) => {
                if let Some(id) = self.windows.get(&number) {
                    self.edges.push(PipelineEdge::shuffle(from, *id));
                    return;
                }
                let Some(operator) = self.parts.operators.get(number) else {
                    return;
                };
                let after = self.parts.after_steps(operator.next);
                let description = match after {
                    Next::Sink(_) => "TumblingWindow<TumblingWindow> -> sink projection",
                    Next::Operator(_) => "TumblingWindow<TumblingWindow> -> ArrowKey<_>",
                };
                let id = self.node(self.unused + 2, "chained_op", description);
                self.windows.insert(number, id);
                self.edges.push(PipelineEdge::shuffle(from, id));
                self.follow(id, after);
            }
        }
    }

    fn sink(&mut self, number: usize, from: u32) -> u32 {
        if let Some(id) = self.sinks.get(&number) {
            return *id;
        }
        let node = self.parts.sinks.get(number).map(|sink| sink.node());
        let (operator, description) = node.unwrap_or_default();
        let gap = if self.windows.values().any(|id| *id == from) {
            1
        } else {
            2
        };
        let id = self.node(self.unused + gap, operator, description);
        self.sinks.insert(number, id);
        id
    }
}
