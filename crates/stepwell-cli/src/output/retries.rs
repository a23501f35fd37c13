//! Requests that fail and are sent again: one line when that begins, one when it is over.

use std::time::{Duration, Instant};

use stepwell::transport::words::Time;

/// A reason that comes back within this time is no news.
const KNOWN_FOR: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Retries {
    /// Failures are under way; whether that was said.
    under_way: Option<bool>,
    /// What was said last, and when it was last so.
    said: Option<(String, Instant)>,
}

impl Retries {
    /// A request failed; what to say of it, if it is the first one.
    pub(super) fn failed(&mut self, reason: &str) -> Option<String> {
        if self.under_way.is_some() {
            return None;
        }
        let is_known = self
            .said
            .as_ref()
            .is_some_and(|(said, at)| said == reason && at.elapsed() < KNOWN_FOR);
        self.under_way = Some(!is_known);
        if is_known {
            return None;
        }
        self.said = Some((reason.to_owned(), Instant::now()));
        Some(format!("{reason}; trying again"))
    }

    /// A request succeeded after so many failures.
    pub(super) fn answered(&mut self, failures: u32, elapsed: Duration) -> Option<String> {
        let was_said = self.under_way.take()?;
        if let Some((_, at)) = &mut self.said {
            *at = Instant::now();
        }
        let requests = if failures == 1 { "request" } else { "requests" };
        let elapsed = Time(elapsed);
        was_said.then(|| {
            format!("the server answers again, after {failures} failed {requests} in {elapsed}")
        })
    }

    /// The step has ended; the next one begins anew.
    pub(super) fn step_ended(&mut self) {
        self.under_way = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_are_one_line_whatever_they_are() {
        let mut retries = Retries::default();
        let begin = retries.failed("refused");
        assert_eq!(begin.as_deref(), Some("refused; trying again"));
        assert_eq!(retries.failed("timed out"), None);
        assert_eq!(retries.failed("refused"), None);
        let end = retries.answered(3, Duration::from_secs(12)).unwrap();
        assert_eq!(
            end,
            "the server answers again, after 3 failed requests in 12 s"
        );
        assert_eq!(retries.answered(1, Duration::ZERO), None);
    }

    #[test]
    fn what_fails_now_and_then_for_the_same_reason_is_said_once() {
        let mut retries = Retries::default();
        assert!(retries.failed("refused").is_some());
        assert!(retries.answered(1, Duration::ZERO).is_some());
        assert_eq!(retries.failed("refused"), None);
        assert_eq!(retries.answered(1, Duration::ZERO), None);
        assert!(retries.failed("timed out").is_some(), "that is news");
    }
}
