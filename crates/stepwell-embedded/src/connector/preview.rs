//! The sink of a bare `SELECT`, which prints rows and streams them to clients. No table can name it.

use std::sync::Arc;

use super::print::PrintSink;
use super::sink::{Sink, SinkConnector};

pub(crate) fn preview() -> Arc<dyn SinkConnector> {
    Arc::new(Preview)
}

#[derive(Debug)]
struct Preview;

impl SinkConnector for Preview {
    fn node(&self) -> (&'static str, &'static str) {
        ("preview", "PreviewSink")
    }

    fn sink(&self) -> Box<dyn Sink> {
        Box::new(PrintSink { is_preview: true })
    }
}
