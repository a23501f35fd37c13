//! How often a job takes a checkpoint.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use snafu::{Snafu, ensure};

/// How often the server takes a checkpoint: from 1 second to 1 day, the range that servers accept (recordings
/// `136_create_checkpoint_interval_too_small` and `137_create_checkpoint_interval_too_big`).
///
/// Serialized (serde) as a number of microseconds, as on the wire.
///
/// ```
/// use std::time::Duration;
/// use stepwell::spec::CheckpointInterval;
///
/// let interval = CheckpointInterval::new(Duration::from_secs(10))?;
/// assert_eq!(interval.micros(), 10_000_000);
/// assert!(CheckpointInterval::new(Duration::from_millis(10)).is_err());
/// # Ok::<(), stepwell::spec::CheckpointIntervalError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct CheckpointInterval(u64);

/// The interval is outside the range that servers accept.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(display("a checkpoint interval of {interval:?} is out of range; give 1 second to 1 day"))]
pub struct CheckpointIntervalError {
    interval: Duration,
}

impl CheckpointInterval {
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(24 * 60 * 60);

    /// An interval from 1 second to 1 day.
    ///
    /// # Errors
    ///
    /// Fails if the interval is outside that range.
    pub fn new(interval: Duration) -> Result<Self, CheckpointIntervalError> {
        ensure!(
            (Self::LEAST..=Self::MOST).contains(&interval),
            CheckpointIntervalSnafu { interval }
        );
        // At most 8.64 × 10¹⁰, which fits.
        Ok(Self(
            u64::try_from(interval.as_micros()).unwrap_or(u64::MAX),
        ))
    }

    /// The interval in microseconds, as on the wire.
    pub fn micros(self) -> u64 {
        self.0
    }
}

impl TryFrom<Duration> for CheckpointInterval {
    type Error = CheckpointIntervalError;

    fn try_from(interval: Duration) -> Result<Self, Self::Error> {
        Self::new(interval)
    }
}

impl TryFrom<u64> for CheckpointInterval {
    type Error = CheckpointIntervalError;

    fn try_from(micros: u64) -> Result<Self, Self::Error> {
        Self::new(Duration::from_micros(micros))
    }
}

impl From<CheckpointInterval> for u64 {
    fn from(interval: CheckpointInterval) -> Self {
        interval.0
    }
}
