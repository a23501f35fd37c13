use std::time::Duration;

/// How the pipelines are read, and how the job is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// As `arroyo run` does: every page with ten pipelines each, and the first page once more before a create, to check for other pipelines.
    /// The job is read twice at once and then after each pause, with one more pause after Running.
    ArroyoRun,
    /// As stepwell does: one page of ten thousand, and a pause only between two polls.
    OnePage,
}

impl Style {
    /// The `limit` of a page, in pipelines.
    pub const fn page_size(self) -> u32 {
        match self {
            Self::ArroyoRun => 10,
            Self::OnePage => 10_000,
        }
    }
}

/// The timeout of `arroyo run` for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum number of pings of `arroyo run`.
pub(crate) const PINGS: u32 = 50;
/// The pause between two pings.
pub(crate) const PING_PAUSE: Duration = Duration::from_millis(10);
/// The name that `arroyo run` gives a pipeline without one.
pub(crate) const NAME: &str = "query";

/// The HTTP client of both peers. It ignores the proxies of the environment, because the measured server is on the loopback interface.
pub(crate) fn http() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(REQUEST_TIMEOUT)
        .no_proxy()
        .build()
}

/// Pauses between two polls. Zero is not passed to the timer, which would round it up to a millisecond.
pub(crate) async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
