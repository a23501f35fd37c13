//! The log lines of the libraries. They never contain a token, a query or a body.

use std::{
    fmt::{self, Write as _},
    time::Instant,
};

use stepwell::transport::words::Time;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::{arguments::Global, output::Output};

/// `-v` shows the steps, `-vv` also the requests, `-vvv` everything. Without `-v` only the engine's warnings are shown, because they are
/// not reported in any other way.
pub(crate) fn set_up(global: &Global, output: &Output) {
    let level = match global.verbose {
        0 => {
            let warnings = Warnings(output.clone());
            return tracing_subscriber::registry().with(warnings).init();
        }
        1 | 2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let mut filter = Targets::new().with_target("stepwell", level);
    if global.verbose == 1 {
        // The target `stepwell` is a prefix of these.
        for of_requests in ["stepwell_hyper", "stepwell_arroyo", "stepwell_transport"] {
            filter = filter.with_target(of_requests, Level::WARN);
        }
    }
    let log = Log {
        output: output.clone(),
        requests: global.verbose > 1,
    };
    tracing_subscriber::registry()
        .with(log.with_filter(filter))
        .init();
}

/// Shows the warnings of the engine.
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

/// Shows log events, and each request, which is a span, when it ends.
struct Log {
    output: Output,
    requests: bool,
}

/// The fields of a span and its start.
struct Span {
    text: Text,
    began: Instant,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut text = Text::default();
        attributes.record(&mut text);
        span.extensions_mut().insert(Span {
            text,
            began: Instant::now(),
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(kept) = span.extensions_mut().get_mut::<Span>() {
            values.record(&mut kept.text);
        }
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.show(event.metadata(), &text.to_string());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        if !self.requests {
            return;
        }
        let extensions = span.extensions();
        let Some(Span { text, began }) = extensions.get::<Span>() else {
            return;
        };
        let took = Time(began.elapsed());
        let text = format!("{} took {took}{text}", span.name());
        self.show(span.metadata(), &text);
    }
}

impl Log {
    fn show(&self, metadata: &Metadata<'_>, text: &str) {
        self.output
            .log(metadata.level().as_str(), metadata.target(), text);
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
            // Writing to a string cannot fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.fields.push(format!("{}={value:?}", field.name()));
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
