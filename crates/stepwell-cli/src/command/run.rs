//! `stepwell run`.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use snafu::ResultExt;
use stepwell::{
    Difference, Error, Identity, Intent, OnShutdown, Options, PipelineId, PipelineSpec, Plan,
    PlannedRequest, Registered, Resolution, ResolveError, Running, SharedTransport, Shutdown,
    ShutdownEnd, StopPolicy, Submission, ValidateError, Validated, WaitError, WhenFinished,
    arroyo::JobState,
};

use crate::{
    arguments::Run,
    command::rows::Showing,
    exit::Exit,
    failure::{Failure, Origin, SpecSnafu},
    output::{Output, Place},
    query,
    signal::{self, LeftBehind},
};

pub(crate) async fn run(arguments: Run, output: &Output) -> Result<Exit, Failure> {
    let origin = query::read(&arguments.query.file, output)?;
    let spec = spec(&arguments, &origin)?;
    let shutdown = Shutdown::new();
    let left_behind = LeftBehind::default();
    signal::handle(&shutdown, output, &left_behind)?;
    let work = Work {
        arguments: &arguments,
        origin: &origin,
        spec,
        shutdown: &shutdown,
        left_behind: &left_behind,
        output,
        resolved: AtomicBool::new(false),
        engine: None,
        show_rows_of: None,
        showing: Mutex::default(),
    };
    match arguments.connection.transport()? {
        Some(transport) => work.submit(transport).await,
        None => local(work).await,
    }
}

/// How long the engine stays for somebody else who has stopped its pipeline to see that.
#[cfg(feature = "embedded")]
const LINGER: std::time::Duration = std::time::Duration::from_secs(2);

#[cfg(feature = "embedded")]
async fn local(work: Work<'_>) -> Result<Exit, Failure> {
    use crate::{
        command::{local::Local, rows::Stdout},
        failure::RowsSnafu,
        state_directory,
    };

    let (arguments, output) = (work.arguments, work.output);
    let (directory, is_new) = match &arguments.state_dir {
        Some(directory) => (directory.clone(), false),
        None => (state_directory::fresh(&arguments.name)?, true),
    };
    let rows = Stdout::new(output, work.shutdown);
    let write_failure = rows.failure();
    let engine = if arguments.dry_run {
        Local::start_idle(directory.clone()).await?
    } else {
        Local::start(directory.clone(), Box::new(rows)).await?
    };
    let show_rows_of = |id: &PipelineId| engine.show_rows_of(id, output);
    let work = Work {
        engine: Some(engine.url()),
        show_rows_of: Some(&show_rows_of),
        ..work
    };
    let mut result = work.submit(engine.transport.clone()).await;
    if let Err(Failure::Step {
        source: Error::Resolve {
            source: ResolveError::Finished { finished },
        },
    }) = &result
        && engine.has_finished(&finished.id).await
    {
        // What was cut short goes on as soon as the engine is there, and can be at its end before it is looked for.
        output.ended(finished.id.as_str(), JobState::Finished.as_str(), None);
        result = Ok(Exit::Success);
    }
    if matches!(result, Err(Failure::StoppedElsewhere { .. })) {
        // Who stopped it asks twice a second whether it has: an engine that is gone would leave him waiting until his deadline.
        tokio::time::sleep(LINGER).await;
    }
    let is_resolved = work.resolved.into_inner();
    let closed = engine.close().await;
    if is_new && !is_resolved {
        // Nothing was made, so nothing is kept.
        let _ = std::fs::remove_dir_all(&directory);
    } else if is_new {
        let command = state_directory::command_to_go_on(&directory, &arguments.query.file);
        output.note(&format!(
            "state is kept in {}; go on with: {command}",
            directory.display()
        ));
    }
    let exit = result?;
    closed?;
    match write_failure.take() {
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context(RowsSnafu)
        }
        _ => Ok(exit),
    }
}

#[cfg(not(feature = "embedded"))]
async fn local(_work: Work<'_>) -> Result<Exit, Failure> {
    Err(Failure::NoServer)
}

fn spec(arguments: &Run, origin: &Origin) -> Result<PipelineSpec, Failure> {
    let intent = match &arguments.id {
        Some(id) if arguments.resume_only => Intent::Resume(id.clone()),
        _ if arguments.resume_only => Intent::ResumeOnly,
        _ if arguments.create_only => Intent::CreateOnly,
        _ => Intent::ResumeOrCreate,
    };
    let mut spec = PipelineSpec::builder(&origin.text)
        .name(&arguments.name)
        .force(arguments.force)
        .find_by(arguments.find_by.into())
        .intent(intent);
    if let Some(parallelism) = arguments.parallelism {
        spec = spec.parallelism(parallelism);
    }
    if let Some(interval) = arguments.checkpoint_interval {
        spec = spec.checkpoint_interval(interval);
    }
    if let Some(id) = &arguments.id {
        spec = spec.identity(Identity::Given(id.clone()));
    }
    if arguments.new_run {
        spec = spec.when_finished(WhenFinished::NewRun);
    }
    for udf in query::read_udfs(&arguments.udf)? {
        spec = spec.udf(udf);
    }
    spec.build().context(SpecSnafu)
}

/// One submission, seen through to its end.
struct Work<'a> {
    arguments: &'a Run,
    origin: &'a Origin,
    spec: PipelineSpec,
    shutdown: &'a Shutdown,
    left_behind: &'a LeftBehind,
    output: &'a Output,
    /// Whether there is a pipeline.
    resolved: AtomicBool,
    /// The API of the embedded engine, if it is that.
    engine: Option<String>,
    /// Tells the embedded engine whose rows to print.
    show_rows_of: Option<&'a (dyn Fn(&PipelineId) + Sync)>,
    /// What shows the rows of a pipeline on a server; the embedded engine prints its own.
    showing: Mutex<Option<Showing>>,
}

impl Work<'_> {
    async fn submit(&self, transport: SharedTransport) -> Result<Exit, Failure> {
        let result = self.steps_or_stop(transport).await;
        let showing = self.showing().take();
        match showing {
            Some(showing) => {
                let shown = showing.finish().await;
                // A pipeline that could not be stopped is worse than rows that could not be written.
                result.and_then(|exit| shown.map(|()| exit))
            }
            None => result,
        }
    }

    fn showing(&self) -> std::sync::MutexGuard<'_, Option<Showing>> {
        self.showing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn steps_or_stop(&self, transport: SharedTransport) -> Result<Exit, Failure> {
        let result = self.steps(transport).await;
        match result {
            Ok(exit) => Ok(exit),
            Err(failure) => {
                // Nothing is left running that this command has started: neither by a signal nor by a failure.
                let begun = matches!(
                    failure,
                    Failure::Step {
                        source: Error::ShutdownBegun
                    }
                );
                let stopped = self.stop(begun).await;
                if begun {
                    stopped.map(|()| Exit::Success)
                } else {
                    stopped.and(Err(failure))
                }
            }
        }
    }

    async fn steps(&self, transport: SharedTransport) -> Result<Exit, Failure> {
        let validated = self.validate(transport).await?;
        if self.arguments.dry_run {
            self.show(&validated.plan().await?);
            return Ok(Exit::Success);
        }
        let resolution = validated.resolve().await.map_err(Error::from)?;
        self.resolved.store(true, Ordering::Relaxed);
        self.say_what_was_found(&resolution);
        let registered = resolution.register();
        if let Some(show_rows_of) = self.show_rows_of {
            show_rows_of(registered.id());
        }
        self.left_behind.set(Some(registered.id().to_string()));
        if self.arguments.no_wait {
            let url = registered.dashboard_url();
            let id = registered.detach();
            let at = url.map(|url| format!(" ({url})")).unwrap_or_default();
            self.output.note(&format!(
                "pipeline {id} was submitted and is left to itself{at}"
            ));
            return Ok(Exit::Success);
        }
        match self.wait(registered).await? {
            Some(running) if self.arguments.detach => {
                let at = running
                    .dashboard_url()
                    .map(|url| format!(" ({url})"))
                    .unwrap_or_default();
                let id = running.detach();
                self.output.note(&format!(
                    "pipeline {id} is running and is left to itself{at}"
                ));
                Ok(Exit::Success)
            }
            Some(running) => self.stay(&running).await,
            None => Ok(Exit::Success),
        }
    }

    async fn validate(&self, transport: SharedTransport) -> Result<Submission<Validated>, Failure> {
        let mut options = Options::builder()
            .shutdown(self.shutdown)
            .observer(self.output.observer())
            .on_shutdown(OnShutdown::Stop)
            .stop_mode(self.arguments.stop_mode.into())
            .stop_timeout(self.arguments.stop_timeout);
        if let Some(timeout) = self.arguments.timeout {
            options = options.running_timeout(timeout).connect_timeout(timeout);
        }
        if let Some(duration) = self.arguments.stable_for {
            options = options.stable_for(duration);
        }
        let submission = Submission::builder(transport, self.spec.clone())
            .options(options.build())
            .build();
        let connected = submission.connect().await.map_err(Error::from)?;
        match connected.validate().await {
            Ok(validated) => Ok(validated),
            Err(failure) => Err(match failure.into_error() {
                Error::Validate {
                    source: ValidateError::Invalid { diagnostics, .. },
                } => Failure::Invalid {
                    origin: self.origin.clone(),
                    diagnostics,
                },
                error => error.into(),
            }),
        }
    }

    fn say_what_was_found(&self, resolution: &Resolution) {
        match resolution {
            Resolution::Created(created) => self
                .output
                .note(&format!("created pipeline {}", created.id())),
            Resolution::Resumed(resumed) => {
                let state = resumed
                    .resumed_from()
                    .map(|job| format!(" (it was {})", job.state))
                    .unwrap_or_default();
                self.output
                    .note(&format!("resumed pipeline {}{state}", resumed.id()));
                let renamed = resumed
                    .differences()
                    .iter()
                    .any(|difference| matches!(difference, Difference::Name { .. }));
                if !renamed && self.arguments.parallelism.is_some() {
                    self.output.note("its parallelism is set as asked for");
                }
            }
        }
    }

    fn place(&self, dashboard: Option<String>) -> Place {
        match (&self.engine, dashboard) {
            (Some(engine), Some(page)) => Place::Engine {
                page,
                engine: engine.clone(),
            },
            (None, Some(url)) => Place::Dashboard(url),
            (_, None) => Place::Unknown,
        }
    }

    /// `None`: it has finished before it was seen running.
    async fn wait(
        &self,
        registered: Submission<Registered>,
    ) -> Result<Option<Submission<Running>>, Failure> {
        let has_rows = self.engine.is_none()
            && registered
                .graph()
                .is_some_and(stepwell::arroyo::PipelineGraph::has_preview);
        match registered.wait_until_running().await {
            Ok(running) => {
                let place = self.place(running.dashboard_url());
                let stays = !self.arguments.detach;
                self.output.running(running.id().as_str(), &place, stays);
                Ok(Some(running))
            }
            Err(failure) => match failure.into_error() {
                Error::Wait {
                    source: WaitError::Finished { id, job },
                } => {
                    self.output.ended(id.as_str(), job.state.as_str(), None);
                    if has_rows {
                        self.output.warning(
                            "its rows are not shown: it had finished before they could be read",
                        );
                    }
                    Ok(None)
                }
                error => Err(error.into()),
            },
        }
    }

    /// Stays with the pipeline until it ends.
    async fn stay(&self, running: &Submission<Running>) -> Result<Exit, Failure> {
        if self.engine.is_none() {
            let showing = Showing::start(running.rows(), self.output, self.shutdown);
            *self.showing() = Some(showing);
        }
        let ended = running.ended().await?;
        self.left_behind.set(None);
        match ended.job.state {
            JobState::Failed => Err(Error::from(ended.into_error()).into()),
            JobState::Finished => {
                self.output
                    .ended(ended.id.as_str(), ended.job.state.as_str(), None);
                Ok(Exit::Success)
            }
            _ => Err(Failure::StoppedElsewhere {
                id: ended.id.to_string(),
            }),
        }
    }

    /// Stops whatever was made or started.
    async fn stop(&self, say_nothing_to_stop: bool) -> Result<(), Failure> {
        let policy = StopPolicy::builder()
            .mode(self.arguments.stop_mode.into())
            .deadline(self.arguments.stop_timeout)
            .build();
        let report = self.shutdown.stop_all(policy).await?;
        self.left_behind.set(None);
        if report.entries.is_empty() && say_nothing_to_stop {
            self.output.note("nothing was started");
        }
        for entry in &report.entries {
            let id = entry
                .id
                .as_ref()
                .map_or(entry.name.as_str(), |id| id.as_str());
            match &entry.end {
                ShutdownEnd::Ended {
                    state,
                    final_checkpoint,
                } => self.output.ended(id, state.as_str(), *final_checkpoint),
                _ => self.output.note(&entry.to_string()),
            }
        }
        Ok(())
    }

    fn show(&self, plan: &Plan) {
        let text = match plan {
            Plan::Resume {
                pipeline,
                state,
                requests,
            } => {
                let state = state
                    .as_ref()
                    .map(|state| format!(", which is {state}"))
                    .unwrap_or_default();
                let requests: Vec<_> = requests.iter().copied().map(request).collect();
                let then = if requests.is_empty() {
                    "leave it as it is".to_owned()
                } else {
                    requests.join(", then ")
                };
                format!("would resume pipeline {pipeline}{state}: {then}")
            }
            Plan::Create {
                id, forced_past, ..
            } => {
                let id = id
                    .as_ref()
                    .map(|id| format!(" with the id {id}"))
                    .unwrap_or_default();
                let beside = match forced_past.len() {
                    0 => String::new(),
                    count => format!(", beside {count} other(s)"),
                };
                format!(
                    "would create pipeline {:?}{id}{beside}",
                    self.arguments.name
                )
            }
            _ => "would look for a pipeline whose create was not answered".to_owned(),
        };
        self.output.note(&text);
    }
}

fn request(request: PlannedRequest) -> String {
    match request {
        PlannedRequest::Start => "tell it to run".to_owned(),
        PlannedRequest::Parallelism { to } => format!("set its parallelism to {to}"),
        PlannedRequest::Restart => "restart it".to_owned(),
        PlannedRequest::AwaitEnd => "wait until it has ended".to_owned(),
        _ => "do something that this version has no word for".to_owned(),
    }
}
