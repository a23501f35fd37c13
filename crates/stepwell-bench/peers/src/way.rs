use std::time::Duration;

/// How the pipelines are read, and how the job is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// As `arroyo run` does: ten a page, every page; before a create the first page once more, to see whether other pipelines are there. The
    /// job is asked for twice at once, and then after each pause; one more pause follows after Running was seen.
    ArroyoRun,
    /// As stepwell does: ten thousand a page, read once. A pause only between two polls.
    OnePage,
}

impl Way {
    /// The `limit` of a page, in pipelines.
    pub const fn page_size(self) -> u32 {
        match self {
            Self::ArroyoRun => 10,
            Self::OnePage => 10_000,
        }
    }
}

/// What `arroyo run` gives a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How often `arroyo run` pings, at most.
pub(crate) const PINGS: u32 = 50;
/// How long it pauses between two pings.
pub(crate) const PING_PAUSE: Duration = Duration::from_millis(10);
/// What `arroyo run` calls a pipeline for which no name is given.
pub(crate) const NAME: &str = "query";

/// The client below both peers. Proxies of the environment would stand between a measurement and its server on loopback.
pub(crate) fn http() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(REQUEST_TIMEOUT)
        .no_proxy()
        .build()
}

/// The pause between two polls. None at all for zero: the timer would round it up to a millisecond.
pub(crate) async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
