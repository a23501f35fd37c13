//! The steps of a run, from the connection to the end of the pipeline.

use std::time::Duration;

use stepwell::{
    Error, OnShutdown, Options, PipelineId, PipelineSpec, Resolution, SharedTransport, Shutdown,
    Submission,
    arroyo::{ClientErrorKind, JobState, SqlDiagnostic},
    error::{ResolveError, ValidateError, WaitError},
    observe::Difference,
    state::{Registered, Running, Validated},
};

use tokio::time::{Instant, sleep};

use super::{
    plan,
    rows::{RowPrinter, WriteFailure},
};
use crate::{
    arguments::RunArguments,
    diagnostic::NamedQuery,
    engine::EmbeddedEngine,
    exit::Exit,
    failure::Failure,
    interruption::FirstSignal,
    output::{How, Output, ResolvedPipeline, WebPage},
};

/// How long the embedded engine stays up after another client has stopped its pipeline.
const LINGER: Duration = Duration::from_secs(2);

/// The submission of one command.
pub(super) struct Submit<'a> {
    pub(super) arguments: &'a RunArguments,
    pub(super) query: &'a NamedQuery,
    pub(super) spec: PipelineSpec,
    pub(super) shutdown: &'a Shutdown,
    pub(super) first_signal: &'a FirstSignal,
    pub(super) output: &'a Output,
    pub(super) reached: Reached,
    /// Whether the pipeline has finished, so that there is no state to continue from.
    pub(super) has_finished: bool,
    /// The embedded engine; `None` if the pipeline runs on a server.
    pub(super) engine: Option<&'a EmbeddedEngine>,
    /// Prints the rows of a pipeline on a server. The embedded engine prints its rows itself.
    pub(super) row_printer: Option<RowPrinter>,
    /// Why standard output could not be written, once rows go there.
    pub(super) write_failure: Option<WriteFailure>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    Nothing,
    /// The pipeline exists.
    Resolved,
    /// The pipeline was seen running.
    Running,
}

impl Submit<'_> {
    /// Takes the steps, from the connection until the pipeline ends.
    pub(super) async fn steps(&mut self, transport: SharedTransport) -> Result<Exit, Failure> {
        let validated = self.validate(transport).await?;
        if self.arguments.dry_run {
            let plan = validated.plan().await?;
            let text = plan::text(&plan, &self.arguments.name());
            self.output.plan(&plan, &text);
            return Ok(Exit::Success);
        }
        let resolution = match validated.resolve().await {
            Ok(resolution) => resolution,
            Err(failure) => return Err(self.refused(failure.into_error())),
        };
        self.reached = Reached::Resolved;
        self.show_resolution(&resolution);
        let registered = resolution.register();
        if let Some(engine) = self.engine {
            engine.warn_of_others_than(registered.id(), self.output);
        }
        if self.arguments.stable_for.is_some() {
            // Held rows block the sources, so the pipeline would not prove stable.
            self.show_rows(registered.id());
        }
        if self.arguments.no_wait {
            let dashboard = registered.dashboard_url();
            let id = registered.detach();
            self.output
                .detached(id.as_str(), false, dashboard.as_deref());
            return Ok(Exit::Success);
        }
        match self.wait(registered).await? {
            Some(running) if self.arguments.detach => {
                let dashboard = running.dashboard_url();
                let id = running.detach();
                self.output
                    .detached(id.as_str(), true, dashboard.as_deref());
                Ok(Exit::Success)
            }
            Some(running) => self.stay(&running).await,
            None => Ok(Exit::Success),
        }
    }

    async fn validate(&self, transport: SharedTransport) -> Result<Submission<Validated>, Failure> {
        let stays = !self.arguments.detach && !self.arguments.no_wait;
        let mut options = Options::default()
            .with_observer(self.output.observer())
            .with_on_shutdown(if stays {
                OnShutdown::Stop
            } else {
                // Interrupting this command must not stop a pipeline that was already running.
                OnShutdown::StopIfStartedHere
            })
            .with_stop_mode(self.arguments.stopping.stop_mode.into())
            .with_stop_timeout(self.arguments.stopping.stop_timeout);
        if let Some(timeout) = self.arguments.timeout {
            // Finding, creating or resuming it comes before it runs; a longer time is not needed for that.
            let resolve_timeout = options.resolve_timeout().min(timeout);
            options = options
                .with_running_timeout(timeout)
                .with_resolve_timeout(resolve_timeout)
                .with_connect_timeout(timeout);
        }
        if let Some(duration) = self.arguments.stable_for {
            options = options.with_stable_for(duration);
        }
        let submission = Submission::builder(transport, self.spec.clone())
            .options(options)
            .shutdown(self.shutdown)
            .build();
        let connected = submission.connect().await.map_err(Error::from)?;
        match connected.validate().await {
            Ok(validated) => Ok(validated),
            Err(failure) => Err(match failure.into_error() {
                Error::Validate {
                    source: ValidateError::Invalid { diagnostics, .. },
                } => Failure::Invalid {
                    query: self.query.clone(),
                    diagnostics,
                },
                error => error.into(),
            }),
        }
    }

    /// Reports a create that was refused because of its query as the validation would have reported it.
    fn refused(&self, error: Error) -> Failure {
        match &error {
            Error::Resolve {
                source: rejected @ ResolveError::Rejected { source, .. },
            } if rejected.is_invalid_query() => match source.kind() {
                ClientErrorKind::Rejected { message, .. } => Failure::Invalid {
                    query: self.query.clone(),
                    diagnostics: vec![SqlDiagnostic::from_server(message.as_str())],
                },
                _ => error.into(),
            },
            _ => error.into(),
        }
    }

    fn show_resolution(&self, resolution: &Resolution) {
        let (how, name) = match resolution {
            Resolution::Created(created) => (How::Created, created.name()),
            Resolution::Resumed(resumed) if resumed.is_adopted() => {
                (How::FoundAgain, resumed.name())
            }
            Resolution::Resumed(resumed) => {
                let state = resumed.resumed_from().map(|job| job.state.as_str());
                (How::Resumed(state), resumed.name())
            }
        };
        let differences = resolution.differences();
        let is_resumed = matches!(how, How::Resumed(_));
        self.output.resolved(&ResolvedPipeline {
            id: resolution.id().as_str(),
            name,
            how,
            differences,
        });
        let is_set = !differences
            .iter()
            .any(|difference| matches!(difference, Difference::Parallelism { .. }));
        if let Some(parallelism) = self.arguments.parallelism
            && is_resumed
            && is_set
        {
            self.output
                .note(&format!("  with a parallelism of {parallelism}"));
        }
    }

    /// Lets the embedded engine print the rows of this pipeline, which it has held back until now.
    fn show_rows(&self, id: &PipelineId) {
        if let Some(engine) = self.engine {
            engine.show_rows_of(id);
        }
    }

    fn web_page(&self, dashboard: Option<String>) -> WebPage {
        match (self.engine, dashboard) {
            (Some(engine), Some(page)) => WebPage::Engine {
                page,
                engine: engine.url(),
            },
            (None, Some(url)) => WebPage::Dashboard(url),
            (_, None) => WebPage::Unknown,
        }
    }

    /// Waits until the pipeline is running. Returns `None` if it finished before it was seen running.
    async fn wait(
        &mut self,
        registered: Submission<Registered>,
    ) -> Result<Option<Submission<Running>>, Failure> {
        let has_rows = self.engine.is_none()
            && registered
                .graph()
                .is_some_and(stepwell::arroyo::PipelineGraph::has_preview);
        match registered.wait_until_running().await {
            Ok(running) => {
                self.reached = Reached::Running;
                if !self.arguments.detach {
                    let web_page = self.web_page(running.dashboard_url());
                    self.output.running(running.id().as_str(), &web_page);
                }
                if self.arguments.stable_for.is_none() {
                    self.show_rows(running.id());
                }
                Ok(Some(running))
            }
            Err(failure) => match failure.into_error() {
                Error::Wait {
                    source: WaitError::Finished { id, job },
                } => {
                    self.has_finished = true;
                    self.output.ended(id.as_str(), job.state.as_str());
                    if has_rows {
                        self.output.warning(
                            "its rows are not shown, because it finished before they could be read",
                        );
                    }
                    Ok(None)
                }
                error => Err(error.into()),
            },
        }
    }

    /// Whether another client that has stopped the pipeline starts it again, as `stepwell restart` does. The engine stays up meanwhile, also
    /// because a client that only stops polls for the end.
    async fn is_started_again(&self, running: &Submission<Running>) -> Result<bool, Failure> {
        let stopped_at = Instant::now();
        while stopped_at.elapsed() < LINGER {
            tokio::select! {
                biased;
                () = self.shutdown.begun() => return Err(Error::ShutdownBegun.into()),
                () = sleep(LINGER / 20) => {}
            }
            let job = running.read_job().await.ok().flatten();
            if job.is_some_and(|job| job.running_desired) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stays attached to the pipeline until it ends.
    async fn stay(&mut self, running: &Submission<Running>) -> Result<Exit, Failure> {
        if self.engine.is_none() {
            let printer = RowPrinter::start(running.rows(), self.output, self.shutdown);
            self.write_failure = Some(printer.write_failure());
            self.row_printer = Some(printer);
        }
        let mut ended = running.ended().await?;
        while self.engine.is_some()
            && ended.job.state == JobState::Stopped
            && self.is_started_again(running).await?
        {
            ended = running.ended().await?;
        }
        match ended.job.state {
            JobState::Failed => Err(Error::from(ended.into_error()).into()),
            JobState::Finished => {
                self.has_finished = true;
                self.output
                    .ended(ended.id.as_str(), ended.job.state.as_str());
                Ok(Exit::Success)
            }
            _ => Err(Failure::StoppedElsewhere {
                id: ended.id.to_string(),
            }),
        }
    }
}
