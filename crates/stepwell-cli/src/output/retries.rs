//! Failed requests that are sent again: one line when the first one fails, and one when the server answers again.

use std::time::Duration;

use stepwell::transport::words::Time;
use tokio::time::Instant;

/// A reason that returns within this time is not shown again, unless the failures last.
const KNOWN_FOR: Duration = Duration::from_secs(30);

/// A different reason this soon after the server answered again belongs to the same outage, because the job and its rows are read separately.
const SAME_OUTAGE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Retries {
    under_way: Option<UnderWay>,
    /// The reason that was shown last, and when it last applied.
    shown: Option<(String, Instant)>,
}

/// Failures in a row.
#[derive(Debug)]
struct UnderWay {
    since: Instant,
    /// They began so soon after the last ones that they are not shown at once.
    is_known: bool,
    was_shown: bool,
}

impl Retries {
    /// Records a failed request. Returns a line if it is news.
    pub(super) fn failed(&mut self, reason: &str) -> Option<String> {
        let shown = &self.shown;
        let under_way = self.under_way.get_or_insert_with(|| UnderWay {
            since: Instant::now(),
            is_known: shown.as_ref().is_some_and(|(shown, until)| {
                let ago = until.elapsed();
                ago < SAME_OUTAGE || shown == reason && ago < KNOWN_FOR
            }),
            was_shown: false,
        });
        // Known failures are shown once they last.
        let is_news = !under_way.is_known || under_way.since.elapsed() >= KNOWN_FOR;
        if under_way.was_shown || !is_news {
            return None;
        }
        under_way.was_shown = true;
        self.shown = Some((reason.to_owned(), Instant::now()));
        Some(format!("{reason}; trying again"))
    }

    /// Records a successful request after this many failures. Returns a line if the failures were shown.
    pub(super) fn answered(&mut self, failures: u32, elapsed: Duration) -> Option<String> {
        let was_shown = self.under_way.take()?.was_shown;
        if let Some((_, until)) = &mut self.shown {
            *until = Instant::now();
        }
        let requests = if failures == 1 { "request" } else { "requests" };
        let elapsed = Time(elapsed);
        was_shown.then(|| {
            format!("the server is answering again after {failures} failed {requests} in {elapsed}")
        })
    }

    /// Forgets the current failures, because the step has ended.
    pub(super) fn step_ended(&mut self) {
        self.under_way = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_are_one_line_whatever_they_are() {
        let mut retries = Retries::default();
        let begin = retries.failed("refused");
        assert_eq!(begin.as_deref(), Some("refused; trying again"));
        pass(100).await;
        assert_eq!(retries.failed("timed out"), None);
        assert_eq!(retries.failed("refused"), None);
        let end = retries.answered(3, Duration::from_secs(100)).unwrap();
        assert_eq!(
            end,
            "the server is answering again after 3 failed requests in 1 min 40 s"
        );
        assert_eq!(retries.answered(1, Duration::ZERO), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_now_and_then_for_the_same_reason_is_said_once() {
        let mut retries = Retries::default();
        assert!(retries.failed("refused").is_some());
        assert!(retries.answered(1, Duration::ZERO).is_some());
        assert_eq!(retries.failed("timed out"), None, "it is the same outage");
        assert_eq!(retries.answered(1, Duration::ZERO), None);
        pass(20).await;
        assert_eq!(retries.failed("refused"), None, "that is known");
        pass(29).await;
        assert_eq!(retries.failed("refused"), None);
        pass(1).await;
        assert!(retries.failed("refused").is_some(), "but it lasts");
        assert!(retries.answered(9, Duration::ZERO).is_some());
        pass(6).await;
        assert!(retries.failed("timed out").is_some(), "that is news");
    }
}
