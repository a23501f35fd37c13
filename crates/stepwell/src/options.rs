//! How a submission behaves: its deadlines, its polling, and what a shutdown does to it.

use std::time::Duration;

use stepwell_arroyo::StopMode;

use crate::{
    observe::{Observation, Observer},
    shutdown::OnShutdown,
};

/// Deadlines and behaviour of a submission. Every option has a default.
///
/// ```
/// use std::time::Duration;
/// use stepwell::Options;
///
/// let options = Options::default()
///     .with_running_timeout(Duration::from_secs(120))
///     .with_stable_for(Duration::from_secs(5));
/// assert_eq!(options.connect_timeout(), Duration::from_secs(30));
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) validate_timeout: Duration,
    pub(crate) resolve_timeout: Duration,
    pub(crate) settle_timeout: Duration,
    pub(crate) running_timeout: Duration,
    pub(crate) stop_timeout: Duration,
    pub(crate) silence_timeout: Duration,
    pub(crate) poll_ceiling: Duration,
    pub(crate) jitter_seed: Option<u64>,
    pub(crate) stable_for: Option<Duration>,
    pub(crate) stop_mode: StopMode,
    pub(crate) on_shutdown: OnShutdown,
    pub(crate) observation: Observation,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            validate_timeout: Duration::from_secs(60),
            resolve_timeout: Duration::from_secs(60),
            settle_timeout: Duration::from_secs(15),
            running_timeout: Duration::from_secs(600),
            stop_timeout: Duration::from_secs(120),
            silence_timeout: Duration::from_secs(60),
            poll_ceiling: Duration::from_millis(500),
            jitter_seed: None,
            stable_for: None,
            stop_mode: StopMode::Checkpoint,
            on_shutdown: OnShutdown::default(),
            observation: Observation::default(),
        }
    }
}

impl Options {
    /// How long `connect` waits for the API to answer; 30 s by default.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// How long one request may take; 30 s by default.
    pub fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// How long `validate` may take; 60 s by default.
    pub fn validate_timeout(&self) -> Duration {
        self.validate_timeout
    }

    /// How long `resolve` may take; 60 s by default.
    pub fn resolve_timeout(&self) -> Duration {
        self.resolve_timeout
    }

    /// How long to look for a create whose reply was lost before its outcome is reported as unknown; 15 s by default.
    pub fn settle_timeout(&self) -> Duration {
        self.settle_timeout
    }

    /// How long `wait_until_running` waits for Running; 10 minutes by default.
    pub fn running_timeout(&self) -> Duration {
        self.running_timeout
    }

    /// How long `stop` waits for Stopped; 120 s by default.
    pub fn stop_timeout(&self) -> Duration {
        self.stop_timeout
    }

    /// How long the server may be unresponsive before a wait without a deadline fails; 60 s by default.
    pub fn silence_timeout(&self) -> Duration {
        self.silence_timeout
    }

    /// The longest pause between two polls of a job that runs or stops: in `ended` and in `stop`. 500 ms by default, the tick of Arroyo's
    /// controller. During [`stable_for`](Self::stable_for) the pauses are at most 240 ms, so that no state that lasts a tick is missed.
    ///
    /// If three or more `ended` over clones of one transport share the list of all jobs, the pause between two reads of the list is up to a
    /// quarter longer than the smallest of their ceilings, and at least three times as long as the last read took.
    ///
    /// It also bounds the pauses after a failed poll, unless the server asks for a longer one. It does not otherwise affect
    /// `wait_until_running`, which adapts its polling to what it observes; see
    /// [`wait_until_running`](crate::Submission::wait_until_running).
    pub fn poll_ceiling(&self) -> Duration {
        self.poll_ceiling
    }

    /// The seed of the jitter in all pauses; by default a different one for each submission.
    pub fn jitter_seed(&self) -> Option<u64> {
        self.jitter_seed
    }

    /// How long the job must have been Running in one run before `wait_until_running` returns; by default it returns at once.
    pub fn stable_for(&self) -> Option<Duration> {
        self.stable_for
    }

    /// How `stop` stops the pipeline: with a final checkpoint by default.
    pub fn stop_mode(&self) -> &StopMode {
        &self.stop_mode
    }

    /// What a shutdown does to the pipeline.
    pub fn on_shutdown(&self) -> OnShutdown {
        self.on_shutdown
    }

    /// See [`Options::connect_timeout`].
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// See [`Options::request_timeout`].
    #[must_use]
    pub fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// See [`Options::validate_timeout`].
    #[must_use]
    pub fn with_validate_timeout(mut self, timeout: Duration) -> Self {
        self.validate_timeout = timeout;
        self
    }

    /// See [`Options::resolve_timeout`].
    #[must_use]
    pub fn with_resolve_timeout(mut self, timeout: Duration) -> Self {
        self.resolve_timeout = timeout;
        self
    }

    /// See [`Options::settle_timeout`].
    #[must_use]
    pub fn with_settle_timeout(mut self, timeout: Duration) -> Self {
        self.settle_timeout = timeout;
        self
    }

    /// See [`Options::running_timeout`].
    #[must_use]
    pub fn with_running_timeout(mut self, timeout: Duration) -> Self {
        self.running_timeout = timeout;
        self
    }

    /// See [`Options::stop_timeout`].
    #[must_use]
    pub fn with_stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// See [`Options::silence_timeout`].
    #[must_use]
    pub fn with_silence_timeout(mut self, timeout: Duration) -> Self {
        self.silence_timeout = timeout;
        self
    }

    /// See [`Options::poll_ceiling`]. Values below 1 ms become 1 ms, so that a poll never spins.
    #[must_use]
    pub fn with_poll_ceiling(mut self, ceiling: Duration) -> Self {
        self.poll_ceiling = ceiling.max(Duration::from_millis(1));
        self
    }

    /// See [`Options::jitter_seed`]. For reproducible tests: submissions that share a seed poll in step.
    #[must_use]
    pub fn with_jitter_seed(mut self, seed: u64) -> Self {
        self.jitter_seed = Some(seed);
        self
    }

    /// See [`Options::stable_for`].
    #[must_use]
    pub fn with_stable_for(mut self, duration: Duration) -> Self {
        self.stable_for = Some(duration);
        self
    }

    /// See [`Options::stop_mode`].
    #[must_use]
    pub fn with_stop_mode(mut self, mode: StopMode) -> Self {
        self.stop_mode = mode;
        self
    }

    /// See [`Options::on_shutdown`].
    #[must_use]
    pub fn with_on_shutdown(mut self, on_shutdown: OnShutdown) -> Self {
        self.on_shutdown = on_shutdown;
        self
    }

    /// Sets the observer, which receives the events of the submission.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.observation = Observation::new(observer);
        self
    }
}
