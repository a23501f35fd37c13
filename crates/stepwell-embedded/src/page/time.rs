//! Points in time as the pages show them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::temporal_conversions::timestamp_us_to_datetime;

/// A point in time, in microseconds of Unix time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) u64);

impl Moment {
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since.unwrap_or_default().as_micros();
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    pub(super) fn as_of(self) -> String {
        format!("As of {self}. This page does not reload by itself.")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whole seconds.
        let seconds = self.0 / 1_000_000 * 1_000_000;
        match i64::try_from(seconds)
            .ok()
            .and_then(timestamp_us_to_datetime)
        {
            Some(time) => write!(formatter, "{time} UTC"),
            None => write!(formatter, "{} µs", self.0),
        }
    }
}

/// A time of the API, which is in microseconds of Unix time.
pub(super) fn moment(micros: u64) -> String {
    Moment(micros).to_string()
}
