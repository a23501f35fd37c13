//! `stdout`: a sink that prints rows.

use stepwell_arroyo::SqlDiagnostic;

use super::declaration::{Connector, Declaration};
use super::print::PrintSink;
use super::sink::{Sink, SinkConnector};

pub(super) fn declare(declaration: &mut Declaration<'_>) -> Result<Connector, SqlDiagnostic> {
    declaration.expect_sink()?;
    Ok(Connector::sink(Stdout))
}

#[derive(Debug)]
struct Stdout;

impl SinkConnector for Stdout {
    fn node(&self) -> (&'static str, &'static str) {
        ("stdout", "Stdout")
    }

    fn sink(&self) -> Box<dyn Sink> {
        Box::new(PrintSink { is_preview: false })
    }
}
