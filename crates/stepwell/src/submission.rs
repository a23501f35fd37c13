//! [`Submission`]: one pipeline on its way to Running.

use std::{fmt, sync::Arc};

use stepwell_transport::Transport;

use crate::{
    context::Context,
    error::Error,
    observer::{Event, Observer, Step},
    options::Options,
    shutdown::Shutdown,
    spec::PipelineSpec,
    state::{State, Unconnected},
    time_limit::TimeLimit,
};

/// One pipeline on its way to Running. `S` is the last step that has been proved.
///
/// Every step takes the submission and gives it back one state further, so a step that is skipped or taken out of order does not
/// compile. A step that fails gives it back in the state that it had ([`TransitionError`](crate::TransitionError)).
///
/// It is not `Clone`: a copy of a validated submission would be a licence to create twice. Dropping one sends nothing; a pipeline that
/// it has made stays with its [`Shutdown`].
#[must_use = "a submission does nothing until its next step is called"]
pub struct Submission<S: State> {
    pub(crate) context: Arc<Context>,
    pub(crate) state: S,
}

impl<S: State> Submission<S> {
    pub(crate) fn with_state<N: State>(self, state: N) -> Submission<N> {
        tracing::debug!(state.from = ?self.state, state.to = ?state, "step taken");
        Submission {
            context: self.context,
            state,
        }
    }

    /// The shutdown that this submission belongs to.
    pub fn shutdown(&self) -> &Shutdown {
        self.context.options.shutdown()
    }

    /// Its options.
    pub fn options(&self) -> &Options {
        &self.context.options
    }

    pub(crate) fn begin(&self, step: Step) -> Begun {
        self.context.tell(&Event::StepStarted { step });
        Begun {
            step,
            limit: TimeLimit::new(self.timeout(step)),
        }
    }

    fn timeout(&self, step: Step) -> std::time::Duration {
        let options = &self.context.options;
        match step {
            Step::Connect => options.connect_timeout,
            Step::Validate => options.validate_timeout,
            Step::Resolve => options.resolve_timeout,
            Step::Wait => options
                .running_timeout
                .saturating_add(options.stable_for.unwrap_or_default()),
            Step::Stop => options.stop_timeout,
        }
    }

    pub(crate) fn finish(&self, begun: &Begun) {
        self.context.tell(&Event::StepFinished {
            step: begun.step,
            elapsed: begun.limit.elapsed(),
        });
    }
}

/// A step under way.
pub(crate) struct Begun {
    pub(crate) step: Step,
    pub(crate) limit: TimeLimit,
}

impl Submission<Unconnected> {
    /// A submission of `spec` over `transport` with default options. Sends nothing.
    ///
    /// Submissions over clones of one [`SharedTransport`](crate::SharedTransport) share what they learn of the server.
    pub fn new(transport: impl Transport, spec: PipelineSpec) -> Self {
        Self::builder(transport, spec).build()
    }

    /// A submission with options.
    pub fn builder(transport: impl Transport, spec: PipelineSpec) -> SubmissionBuilder {
        SubmissionBuilder {
            transport: transport.into_shared(),
            spec,
            options: Options::builder(),
        }
    }
}

impl<S: State> fmt::Debug for Submission<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Submission<{:?}>", self.state)
    }
}

/// Makes a [`Submission`].
#[derive(Debug)]
#[must_use]
pub struct SubmissionBuilder {
    transport: stepwell_transport::SharedTransport,
    spec: PipelineSpec,
    options: crate::options::OptionsBuilder,
}

impl SubmissionBuilder {
    /// All options at once; what was set before is replaced.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options.into_builder();
        self
    }

    /// The shutdown that the submission belongs to.
    pub fn shutdown(mut self, shutdown: &Shutdown) -> Self {
        self.options = self.options.shutdown(shutdown);
        self
    }

    /// Who is told what happens.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.options = self.options.observer(observer);
        self
    }

    /// The submission. Sends nothing.
    pub fn build(self) -> Submission<Unconnected> {
        Submission {
            context: Arc::new(Context::new(self.transport, self.options.build())),
            state: Unconnected {
                spec: Arc::new(self.spec),
            },
        }
    }
}

/// Requests are sent on a task of their own, so there must be a runtime.
pub(crate) fn need_runtime() -> Result<(), Error> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::NoRuntime),
    }
}
