//! Everything that is shown or logged.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::{Debug, Display},
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::format::FmtSpan;

use crate::MARKS;

/// The texts that were shown. Leaks are collected, so that a failure lists all of them.
#[derive(Clone, Default)]
pub(crate) struct Shown(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    count: usize,
    /// One text for each mark in each place.
    leaks: BTreeMap<String, String>,
}

impl Shown {
    pub(crate) fn see(&self, what: &str, text: impl Into<String>) {
        let text = text.into();
        let mut seen = self.0.lock().unwrap();
        seen.count += 1;
        // Addresses are shown in lower case.
        let small = text.to_lowercase();
        for mark in MARKS {
            if small.contains(&mark.to_lowercase()) {
                seen.leaks
                    .entry(format!("{mark} in {what}"))
                    .or_insert_with(|| text.clone());
            }
        }
    }

    /// Checks a value's `Debug`.
    pub(crate) fn value(&self, what: &str, value: &dyn Debug) {
        self.see(what, format!("{value:?}"));
        self.see(what, format!("{value:#?}"));
    }

    /// Checks a value's `Debug` and `Display`.
    pub(crate) fn text<T: Debug + Display>(&self, what: &str, value: &T) {
        self.value(what, value);
        self.see(what, format!("{value}"));
        self.see(what, format!("{value:#}"));
    }

    /// Checks an error and all its causes.
    pub(crate) fn error(&self, what: &str, error: &(dyn Error + 'static)) {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.text(what, &error);
            cause = error.source();
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().count
    }

    pub(crate) fn finish(&self) {
        let seen = self.0.lock().unwrap();
        let leaks: Vec<_> = seen
            .leaks
            .iter()
            .map(|(what, text)| format!("{what}:\n    {text}"))
            .collect();
        assert!(
            leaks.is_empty(),
            "{} leaks\n{}",
            leaks.len(),
            leaks.join("\n")
        );
    }
}

/// Captures all logs of this process: every level and every crate, events and spans with their fields.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn listen() -> Self {
        let log = Self::default();
        let written = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || written.clone())
            .init();
        log
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        String::from_utf8_lossy(&bytes)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
