//! What the libraries say on the way. They never say a token, a query or a body.

use std::fmt::{self, Write as _};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    fmt::format::FmtSpan,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::{
    arguments::Global,
    output::{self, Output},
};

/// `-v` shows all; without it the warnings of the engine are shown, because nobody else would tell them.
pub(crate) fn set_up(global: &Global, output: &Output) {
    let level = match global.verbose {
        0 => {
            let warnings = Warnings(output.clone());
            return tracing_subscriber::registry().with(warnings).init();
        }
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    // What is said to be `stepwell` is also what begins with it.
    let filter = Targets::new().with_target("stepwell", level);
    // A request is a span: its fields show when it closes.
    let spans = if global.verbose > 1 {
        FmtSpan::CLOSE
    } else {
        FmtSpan::NONE
    };
    let said = tracing_subscriber::fmt::layer()
        .with_span_events(spans)
        .with_writer(std::io::stderr)
        .with_ansi(output::has_color());
    tracing_subscriber::registry()
        .with(said)
        .with(filter)
        .init();
}

struct Warnings(Output);

impl<S: Subscriber> Layer<S> for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        metadata.is_event()
            && *metadata.level() <= Level::WARN
            && metadata.target().starts_with("stepwell_embedded")
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.warning(&text.to_string());
    }
}

/// An event as a sentence: its message, then its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: Vec<String>,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // What is written to a text is written.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.fields.push(format!("{} {value:?}", field.name()));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if self.fields.is_empty() {
            return Ok(());
        }
        write!(formatter, " ({})", self.fields.join(", "))
    }
}
