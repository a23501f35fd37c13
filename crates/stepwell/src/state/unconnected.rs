//! Unconnected: nothing is known yet.

use std::{pin::pin, sync::Arc};

use stepwell_arroyo::{Job, PipelineId};
use stepwell_transport::{SharedTransport, Transport};

use tracing::Instrument;

use super::{Connected, Identified, Registered, Running};
use crate::{
    attach::read_pipeline,
    connect::ping,
    error::Error,
    job::{WaitError, verdict::Baseline},
    observe::Step,
    options::Options,
    session::Session,
    shutdown::{Shutdown, registry::entry::Target},
    spec::PipelineSpec,
    submission::{Submission, TransitionError},
};

/// Nothing is known yet.
///
/// Begins with [`new`](Submission::new) or [`builder`](Submission::builder). Leaves by: [`connect`](Submission::connect);
/// [`run`](Submission::run) takes all steps, and [`attach`](Submission::attach) skips them for an existing pipeline.
pub struct Unconnected {
    pub(crate) spec: Arc<PipelineSpec>,
}

/// # Unconnected
impl Submission<Unconnected> {
    /// A submission of `spec` over `transport` with default options. Sends nothing.
    ///
    /// Submissions over clones of one [`SharedTransport`] share what they learn of the server.
    pub fn new(transport: impl Transport, spec: PipelineSpec) -> Self {
        Self::builder(transport, spec).build()
    }

    /// A builder for a submission with options or a shutdown.
    pub fn builder(transport: impl Transport, spec: PipelineSpec) -> SubmissionBuilder {
        SubmissionBuilder {
            transport: transport.into_shared(),
            spec,
            options: Options::default(),
            shutdown: Shutdown::new(),
        }
    }

    /// Waits until the API answers.
    ///
    /// Sends `GET /api/v1/ping` until the answer is `"Pong"`. A refused connection, a timeout and a 5xx are retried until
    /// [`Options::connect_timeout`](crate::Options::connect_timeout). An unknown host, a TLS failure, refused credentials and an answer
    /// that is not Arroyo's fail at once.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], [`Error::ShutdownBegun`], [`Error::NoRuntime`]. Hands back the unconnected submission.
    ///
    /// # Cancel safety
    ///
    /// Safe: a ping changes nothing. The submission is lost with the future.
    pub async fn connect(self) -> Result<Submission<Connected>, TransitionError<Unconnected>> {
        let deadline = self.session.deadline(Step::Connect);
        let pinged = {
            let work = pin!(ping(&self.session, &deadline));
            self.perform(Step::Connect, &deadline, work).await
        };
        self.advance(pinged, |unconnected, ()| Connected {
            spec: unconnected.spec,
        })
    }

    /// Attaches to an existing pipeline by its id, for instance after a restart of the orchestrator, because states do not survive the
    /// process.
    ///
    /// Reads `GET /api/v1/pipelines/{id}`, within [`Options::connect_timeout`](crate::Options::connect_timeout). Changes nothing: a stopped
    /// pipeline stays stopped. What the skipped steps would have proved is unknown. `shutdown` treats it as a pipeline that this process
    /// did not start.
    ///
    /// # Errors
    ///
    /// [`Error::Attach`], [`Error::ShutdownBegun`], [`Error::NoRuntime`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn attach(
        transport: impl Transport,
        id: PipelineId,
        shutdown: &Shutdown,
        options: Options,
    ) -> Result<Submission<Registered>, Error> {
        let session = Session::new(transport.into_shared(), None, options, shutdown.clone());
        let session = Arc::new(session);
        let span = tracing::info_span!("attach", pipeline.id = %id);
        let deadline = session.deadline(Step::Attach);
        let read = {
            let work = pin!(read_pipeline(&session, &id, &deadline));
            session.unless_begun(work).instrument(span).await
        };
        let pipeline = read?;
        let target = Target::Pipeline(pipeline.id.clone());
        drop(session.intend(pipeline.name.as_str().into(), target, false)?);
        session.found(&pipeline.id, false);
        session.sight.is_named(&pipeline.name);
        session.sight.was_there(&pipeline.id);
        let state = Registered {
            pipeline: Identified::new(&pipeline),
            baseline: Baseline::none(),
            differences: Vec::new(),
            evidence: None,
        };
        Ok(Submission { session, state })
    }

    /// Takes all steps: connect, validate, resolve, register, wait until running.
    ///
    /// # Errors
    ///
    /// The error of the step that failed. The submission is dropped, but what it sent stays with its [`Shutdown`], and a new submission of
    /// the same spec finds it. To retry a single step, call the steps yourself.
    ///
    /// # Cancel safety
    ///
    /// As [`resolve`](Submission::resolve).
    pub async fn run(self) -> Result<Outcome, Error> {
        let registered = self
            .connect()
            .await?
            .validate()
            .await?
            .resolve()
            .await?
            .register();
        match registered.wait_until_running().await {
            Ok(running) => Ok(Outcome::Running(running)),
            Err(failure) => match failure.into_error() {
                Error::Wait {
                    source: WaitError::Finished { id, job },
                } => Ok(Outcome::Finished(Finished { id, job: *job })),
                error => Err(error),
            },
        }
    }
}

/// How [`run`](Submission::run) ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The pipeline runs.
    Running(Submission<Running>),
    /// The pipeline has already finished. A finite job can be over before any poll sees it Running, and that is not a failure.
    Finished(Finished),
}

/// A pipeline that has finished.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The pipeline.
    pub id: PipelineId,
    /// The job at its end.
    pub job: Job,
}

/// Builds a [`Submission`].
#[derive(Debug)]
#[must_use]
pub struct SubmissionBuilder {
    transport: SharedTransport,
    spec: PipelineSpec,
    options: Options,
    shutdown: Shutdown,
}

impl SubmissionBuilder {
    /// The options; by default those of [`Options::default`].
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The shutdown that the submission belongs to. By default the submission has one of its own, which never begins.
    pub fn shutdown(mut self, shutdown: &Shutdown) -> Self {
        self.shutdown = shutdown.clone();
        self
    }

    /// Builds the submission. Sends nothing.
    pub fn build(self) -> Submission<Unconnected> {
        let name = Some(self.spec.shared_name());
        let session = Session::new(self.transport, name, self.options, self.shutdown);
        Submission {
            session: Arc::new(session),
            state: Unconnected {
                spec: Arc::new(self.spec),
            },
        }
    }
}
