//! How a submission behaves: deadlines, paces, what a shutdown does to it.

use std::{sync::OnceLock, time::Duration};

use stepwell_arroyo::StopMode;

use crate::{
    observe::{Observation, Observer},
    shutdown::{OnShutdown, Shutdown},
};

/// Deadlines and habits of a submission. Every one has a default.
///
/// ```
/// use std::time::Duration;
/// use stepwell::Options;
///
/// let options = Options::builder()
///     .running_timeout(Duration::from_secs(120))
///     .stable_for(Duration::from_secs(5))
///     .build();
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
    /// Empty only while it is built: most builders are given one.
    shutdown: OnceLock<Shutdown>,
    pub(crate) observation: Observation,
}

impl Default for Options {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl Options {
    /// Starts from the defaults.
    pub fn builder() -> OptionsBuilder {
        let options = Self {
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
            shutdown: OnceLock::new(),
            observation: Observation::default(),
        };
        OptionsBuilder { options }
    }

    pub(crate) fn into_builder(self) -> OptionsBuilder {
        OptionsBuilder { options: self }
    }

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

    /// How long a create whose reply was lost is looked for before its outcome is called unknown; 15 s by default.
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

    /// How long the server may fail to answer before a wait without a deadline fails; 60 s by default.
    pub fn silence_timeout(&self) -> Duration {
        self.silence_timeout
    }

    /// The longest pause between two looks at a job that runs or stops: in `ended`, in `stop`, and while
    /// [`stable_for`](Self::stable_for) goes by. 500 ms by default, the controller's own tick.
    ///
    /// It also bounds the pauses after a look that failed, unless the server asks for a longer one. Of `wait_until_running` it bounds
    /// nothing else: that has a pace of its own, which depends on what is seen. See
    /// [`wait_until_running`](crate::Submission::wait_until_running).
    pub fn poll_ceiling(&self) -> Duration {
        self.poll_ceiling
    }

    /// What the chance in all pauses begins with; by default another one for each submission.
    pub fn jitter_seed(&self) -> Option<u64> {
        self.jitter_seed
    }

    /// How long the job must have been Running in one run before `wait_until_running` ends; at once by default.
    pub fn stable_for(&self) -> Option<Duration> {
        self.stable_for
    }

    /// How `stop` stops: with a final checkpoint by default.
    pub fn stop_mode(&self) -> &StopMode {
        &self.stop_mode
    }

    /// What a shutdown does to the pipeline.
    pub fn on_shutdown(&self) -> OnShutdown {
        self.on_shutdown
    }

    /// The shutdown that the submission belongs to: one of its own when none was given.
    pub fn shutdown(&self) -> &Shutdown {
        self.shutdown.get_or_init(Shutdown::new)
    }
}

/// Makes [`Options`].
#[derive(Clone, Debug)]
#[must_use]
pub struct OptionsBuilder {
    options: Options,
}

impl OptionsBuilder {
    /// See [`Options::connect_timeout`].
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// See [`Options::request_timeout`].
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.options.request_timeout = timeout;
        self
    }

    /// See [`Options::validate_timeout`].
    pub fn validate_timeout(mut self, timeout: Duration) -> Self {
        self.options.validate_timeout = timeout;
        self
    }

    /// See [`Options::resolve_timeout`].
    pub fn resolve_timeout(mut self, timeout: Duration) -> Self {
        self.options.resolve_timeout = timeout;
        self
    }

    /// See [`Options::settle_timeout`].
    pub fn settle_timeout(mut self, timeout: Duration) -> Self {
        self.options.settle_timeout = timeout;
        self
    }

    /// See [`Options::running_timeout`].
    pub fn running_timeout(mut self, timeout: Duration) -> Self {
        self.options.running_timeout = timeout;
        self
    }

    /// See [`Options::stop_timeout`].
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.options.stop_timeout = timeout;
        self
    }

    /// See [`Options::silence_timeout`].
    pub fn silence_timeout(mut self, timeout: Duration) -> Self {
        self.options.silence_timeout = timeout;
        self
    }

    /// See [`Options::poll_ceiling`]. Below 1 ms is taken as 1 ms: a poll without a pause is an attack.
    pub fn poll_ceiling(mut self, ceiling: Duration) -> Self {
        self.options.poll_ceiling = ceiling.max(Duration::from_millis(1));
        self
    }

    /// See [`Options::jitter_seed`]. For tests that must be the same each time: with one seed for all, many submissions ask in step.
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.options.jitter_seed = Some(seed);
        self
    }

    /// See [`Options::stable_for`].
    pub fn stable_for(mut self, duration: Duration) -> Self {
        self.options.stable_for = Some(duration);
        self
    }

    /// See [`Options::stop_mode`].
    pub fn stop_mode(mut self, mode: StopMode) -> Self {
        self.options.stop_mode = mode;
        self
    }

    /// See [`Options::on_shutdown`].
    pub fn on_shutdown(mut self, on_shutdown: OnShutdown) -> Self {
        self.options.on_shutdown = on_shutdown;
        self
    }

    /// The shutdown that the submission belongs to.
    pub fn shutdown(mut self, shutdown: &Shutdown) -> Self {
        self.options.shutdown = shutdown.clone().into();
        self
    }

    /// Who is told what happens.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.options.observation = Observation::new(observer);
        self
    }

    pub(crate) fn observation(mut self, observation: Observation) -> Self {
        self.options.observation = observation;
        self
    }

    /// The options.
    pub fn build(self) -> Options {
        // From here on copies of the options are of one shutdown.
        self.options.shutdown();
        self.options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_options_are_of_one_shutdown() {
        for options in [Options::default(), Options::builder().build()] {
            let copy = options.clone();
            options.shutdown().begin();
            assert!(copy.shutdown().is_begun());
            assert!(copy.into_builder().build().shutdown().is_begun());
        }
        let given = Shutdown::new();
        let options = Options::builder().shutdown(&given).build();
        given.begin();
        assert!(options.shutdown().is_begun());
    }
}
