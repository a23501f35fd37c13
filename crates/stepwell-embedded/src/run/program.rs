//! A planned query in the form that runs: sources, operators and sinks.

use std::{collections::BTreeSet, fmt, sync::Arc};

use arrow::datatypes::SchemaRef;

use super::event_time::EventTime;
use super::step::{Projection, Step};
use super::window::Tumbling;
use crate::connector::{Connector, SinkConnector, SourceConnector};

/// A program, which can be run any number of times.
#[derive(Clone)]
pub(crate) struct Program(pub(crate) Arc<Parts>);

#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Its secrets are removed from failures.
    pub(crate) query: String,
    pub(crate) sources: Vec<SourcePlan>,
    /// Operators further from the sources come first.
    pub(crate) operators: Vec<Operator>,
    pub(crate) sinks: Vec<Arc<dyn SinkConnector>>,
    pub(crate) parallelism: u32,
    /// The number of `SELECT`s, those of views as often as they are read.
    pub(crate) queries: usize,
    /// The number of nodes in the graph.
    pub(crate) tasks: u64,
}

/// A declared table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) connector: Connector,
    /// All columns.
    pub(crate) schema: SchemaRef,
    /// Computes all columns from those that are read, if some are generated.
    pub(crate) generated: Option<Projection>,
    pub(crate) event_time: EventTime,
}

/// A table that is read.
#[derive(Debug)]
pub(crate) struct SourcePlan {
    pub(crate) table: Arc<Table>,
    pub(crate) connector: Arc<dyn SourceConnector>,
    /// Where its rows go to; each consumer gets all of them.
    pub(crate) consumers: Vec<Next>,
}

#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) kind: OperatorKind,
    pub(crate) next: Next,
}

#[derive(Debug)]
pub(crate) enum OperatorKind {
    Step(Step),
    Window {
        tumbling: Arc<Tumbling>,
        input: SchemaRef,
        /// The sources that rows come from.
        sources: BTreeSet<usize>,
    },
}

/// Where rows go: the number of an operator or of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Operator(usize),
    Sink(usize),
}

impl Program {
    /// How many tasks a run has.
    pub(crate) fn tasks(&self) -> u64 {
        self.0.tasks * u64::from(self.0.parallelism)
    }
}

impl Parts {
    /// The number of a table's source, which all queries that read the table share.
    pub(crate) fn source(
        &mut self,
        table: &Arc<Table>,
        connector: &Arc<dyn SourceConnector>,
    ) -> usize {
        let known = self
            .sources
            .iter()
            .position(|source| Arc::ptr_eq(&source.table, table));
        known.unwrap_or_else(|| {
            self.sources.push(SourcePlan {
                table: Arc::clone(table),
                connector: Arc::clone(connector),
                consumers: Vec::new(),
            });
            self.sources.len() - 1
        })
    }

    /// The number of a sink. Tables that write to the same place share one.
    pub(crate) fn sink(&mut self, sink: Arc<dyn SinkConnector>) -> usize {
        let known = self
            .sinks
            .iter()
            .position(|known| known.node() == sink.node() && known.path() == sink.path());
        known.unwrap_or_else(|| {
            self.sinks.push(sink);
            self.sinks.len() - 1
        })
    }

    pub(crate) fn operator(&mut self, kind: OperatorKind, next: Next) -> Next {
        self.operators.push(Operator { kind, next });
        Next::Operator(self.operators.len() - 1)
    }

    /// The widths of the windows whose rows reach an operator through steps only.
    pub(crate) fn windows_into(&self, operator: Next) -> impl Iterator<Item = i64> {
        self.operators.iter().filter_map(move |from| {
            let OperatorKind::Window { tumbling, .. } = &from.kind else {
                return None;
            };
            (self.after_steps(from.next) == operator).then_some(tumbling.width)
        })
    }

    /// The next window or sink from here on.
    pub(crate) fn after_steps(&self, mut next: Next) -> Next {
        while let Next::Operator(number) = next
            && let Some(operator) = self.operators.get(number)
            && matches!(operator.kind, OperatorKind::Step(_))
        {
            next = operator.next;
        }
        next
    }

    /// Whether no operator keeps anything of a row.
    pub(crate) fn is_stateless(&self) -> bool {
        let mut kinds = self.operators.iter().map(|operator| &operator.kind);
        kinds.all(|kind| matches!(kind, OperatorKind::Step(_)))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The expressions contain the literals of the query.
        formatter
            .debug_struct("Program")
            .field("sources", &self.0.sources.len())
            .field("operators", &self.0.operators.len())
            .field("sinks", &self.0.sinks.len())
            .finish_non_exhaustive()
    }
}
