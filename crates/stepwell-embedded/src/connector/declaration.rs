//! The declaration of a table as its connector sees it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use stepwell_arroyo::SqlDiagnostic;

use super::options::Options;
use super::sink::SinkConnector;
use super::source::SourceConnector;

/// What a table is connected to.
#[derive(Clone, Debug)]
pub(crate) enum Connector {
    Source(Arc<dyn SourceConnector>),
    Sink(Arc<dyn SinkConnector>),
}

impl Connector {
    pub(super) fn source(source: impl SourceConnector + 'static) -> Self {
        Self::Source(Arc::new(source))
    }

    pub(super) fn sink(sink: impl SinkConnector + 'static) -> Self {
        Self::Sink(Arc::new(sink))
    }

    pub(crate) fn is_source(&self) -> bool {
        matches!(self, Self::Source(_))
    }
}

/// A declared table.
#[derive(Debug)]
pub(super) struct Declaration<'a> {
    /// The options that have not been read yet.
    pub(super) options: &'a mut Options,
    /// The columns that a source is to read.
    pub(super) columns: &'a SchemaRef,
    pub(super) parallelism: u32,
}

impl Declaration<'_> {
    /// Reads the options of a connector that is only a sink.
    pub(super) fn expect_sink(&mut self) -> Result<(), SqlDiagnostic> {
        self.options.expect("type", "sink")?;
        self.expect_json()
    }

    /// Reads the option `format`. JSON is the only one.
    pub(super) fn expect_json(&mut self) -> Result<(), SqlDiagnostic> {
        self.options.expect("format", "json")
    }
}
