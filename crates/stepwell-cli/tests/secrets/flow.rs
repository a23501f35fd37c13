//! The ways through the workflow, each with every failure of each of its requests.

use std::{error::Error as StdError, time::Duration};

use stepwell::{
    Options, PipelineId, PipelineSpec, Resolution, SharedTransport, Shutdown, StopPolicy,
    Submission, TransitionError,
    arroyo::{Client, Udf},
    observe::Event,
    spec::{Identity, Intent},
    state::Validated,
};
use tokio::task::JoinSet;

use crate::{
    CODE, ENVIRONMENT, PATIENCE, SCHEDULER,
    failure::{self, Failure},
    query,
    shown::Shown,
    transport::{Kind, Line},
    world::{Place, Start, World},
};

/// A way through the workflow.
#[derive(Clone, Copy, Debug)]
enum Flow {
    /// Create, run, poll, stop.
    Stop,
    /// Create and undo it.
    Discard,
    /// Create by `POST`.
    Post,
    /// Resume a stopped pipeline, and wait until it has finished.
    Ended,
    /// Restart a failed pipeline, and stop it through the shutdown.
    Restart,
    /// Attach to a running pipeline, and stop it through the shutdown.
    Attach,
    /// All steps in one.
    Run,
    /// The calls of the client.
    Client,
}

/// Each way with its initial state, and the requests that can fail.
const FLOWS: [(Flow, Start, &[Place]); 9] = {
    use Place::{
        Checkpoints, Create, Delete, Errors, Get, Jobs, List, Patch, Ping, Restart, Validate,
    };
    [
        (
            Flow::Stop,
            Start::Nothing,
            &[
                Ping,
                Validate,
                List,
                Create,
                Jobs,
                Get,
                Errors,
                Checkpoints,
                Patch,
            ],
        ),
        (Flow::Discard, Start::Nothing, &[Patch, Delete, Jobs]),
        (Flow::Post, Start::NothingAndOld, &[Create]),
        (Flow::Ended, Start::Finishing, &[List, Jobs]),
        (Flow::Restart, Start::Stopped, &[Patch]),
        (Flow::Restart, Start::Failed, &[Restart]),
        (Flow::Attach, Start::Running, &[Get, Jobs, Patch]),
        (Flow::Run, Start::Nothing, &[Create, Jobs]),
        (
            Flow::Client,
            Start::Running,
            &[
                Ping,
                Validate,
                List,
                Create,
                Get,
                Jobs,
                Errors,
                Checkpoints,
                Patch,
                Restart,
                Delete,
            ],
        ),
    ]
};

/// Runs every way with every failure concurrently, and returns the requests.
pub(crate) async fn all(kind: Kind, shown: &Shown) -> String {
    let mut cases = JoinSet::new();
    let mut sent = String::new();
    for (flow, start, places) in FLOWS {
        let failures = places
            .iter()
            .flat_map(|place| failure::ALL.map(|failure| (*place, failure)));
        for failure in std::iter::once(None).chain(failures.map(Some)) {
            cases.spawn(one(flow, start, failure, kind, shown.clone()));
        }
    }
    while let Some(case) = cases.join_next().await {
        sent.push_str(&case.unwrap());
    }
    sent
}

async fn one(
    flow: Flow,
    start: Start,
    failure: Option<(Place, Failure)>,
    kind: Kind,
    shown: Shown,
) -> String {
    let name = format!("{flow:?} over {kind:?} with {failure:?}");
    let line = Line::to(World::new(start, failure), kind, &shown);
    let way = Way {
        name: &name,
        transport: line.transport.clone(),
        shutdown: Shutdown::new(),
        shown,
        patience: if failure.is_some() { 1 } else { 1_500 },
    };
    way.shown.value(&name, &way.transport);
    let went = tokio::time::timeout(PATIENCE, way.go(flow)).await;
    let went = went.unwrap_or_else(|_| panic!("{name} hangs"));
    match failure {
        None => assert!(went.is_some(), "{name} failed"),
        Some((_, failure)) => assert!(went.is_none() || failure.looks_well(), "{name} went well"),
    }
    line.received()
}

struct Way<'a> {
    name: &'a str,
    transport: SharedTransport,
    shutdown: Shutdown,
    shown: Shown,
    /// The factor of the deadlines: a success has time on a busy machine, and a failure gives up soon.
    patience: u32,
}

impl Way<'_> {
    /// Returns `None` if a step failed, whose error was checked.
    async fn go(&self, flow: Flow) -> Option<()> {
        let went = match flow {
            Flow::Stop => self.stop().await,
            Flow::Discard => self.discard().await,
            Flow::Post => self.post().await,
            Flow::Ended => self.ended().await,
            Flow::Restart => self.restart().await,
            Flow::Attach => self.attach().await,
            Flow::Run => self.run().await,
            Flow::Client => self.client().await,
        };
        self.shown.value(self.name, &self.shutdown);
        let policy = StopPolicy::builder()
            .deadline(Duration::from_millis(600) * self.patience)
            .build();
        let stopped = match self.shutdown.stop_all(policy).await {
            Ok(report) => {
                self.shown.text(self.name, &report);
                Some(())
            }
            Err(error) => {
                self.shown.error(self.name, &error);
                self.shown.text(self.name, &error.report);
                None
            }
        };
        self.shown.value(self.name, &self.shutdown);
        went.and(stopped)
    }

    fn options(&self) -> Options {
        let (shown, name) = (self.shown.clone(), self.name.to_owned());
        let millis = |millis| Duration::from_millis(millis) * self.patience;
        let options = Options::default()
            .with_connect_timeout(millis(400))
            .with_request_timeout(millis(200))
            .with_validate_timeout(millis(400))
            .with_resolve_timeout(millis(800))
            .with_settle_timeout(millis(200))
            .with_running_timeout(millis(600))
            .with_stop_timeout(millis(600))
            .with_silence_timeout(millis(400))
            .with_observer(move |event: &Event| shown.value(&name, event));
        self.shown.value(self.name, &options);
        options
    }

    fn spec(&self) -> PipelineSpec {
        let spec = PipelineSpec::builder(query())
            .name("orders")
            .udf(Udf::python(format!("# {CODE}")))
            .environment("KEY", ENVIRONMENT)
            .scheduler_config(serde_json::json!({"key": SCHEDULER}))
            .identity(Identity::Given(PipelineId::new("pl_1").unwrap()))
            .intent(Intent::ResumeOrCreate);
        self.shown.value(self.name, &spec);
        let spec = spec.build().unwrap();
        self.shown.value(self.name, &spec);
        spec
    }

    /// Checks the output of a step, whether it succeeded or failed.
    fn step<T: std::fmt::Debug, S: stepwell::state::State>(
        &self,
        result: Result<T, TransitionError<S>>,
    ) -> Option<T> {
        match result {
            Ok(value) => {
                self.shown.value(self.name, &value);
                Some(value)
            }
            Err(failure) => {
                self.shown.error(self.name, &failure);
                let (error, submission) = failure.into_parts();
                self.shown.error(self.name, &error);
                self.shown.value(self.name, &submission);
                None
            }
        }
    }

    fn seen<T: std::fmt::Debug, E: StdError + 'static>(&self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                self.shown.value(self.name, &value);
                Some(value)
            }
            Err(error) => {
                self.shown.error(self.name, &error);
                None
            }
        }
    }

    async fn validated(&self) -> Option<Submission<Validated>> {
        let options = self.options();
        self.shown.value(self.name, &options);
        let builder = Submission::builder(self.transport.clone(), self.spec()).options(options);
        self.shown.value(self.name, &builder);
        let unconnected = builder.build();
        self.shown.value(self.name, &unconnected);
        let connected = self.step(unconnected.connect().await)?;
        let validated = self.step(connected.validate().await)?;
        self.shown.value(self.name, validated.graph());
        self.shown.value(self.name, validated.options());
        Some(validated)
    }

    async fn resolved(&self) -> Option<Resolution> {
        let validated = self.validated().await?;
        self.seen(validated.plan().await)?;
        let resolution = match validated.resolve().await {
            // A create with an unknown outcome is looked up first, which fails in another way.
            Err(failure) if failure.error().phase() == stepwell::transport::Phase::MaybeSent => {
                self.shown.error(self.name, &failure);
                let validated = failure.into_submission();
                self.shown.value(self.name, &validated);
                self.seen(validated.plan().await);
                self.step(validated.resolve().await)?
            }
            resolution => self.step(resolution)?,
        };
        self.shown.value(self.name, &resolution.differences());
        Some(resolution)
    }

    async fn stop(&self) -> Option<()> {
        let registered = self.resolved().await?.register();
        self.shown.value(self.name, &registered);
        let running = self.step(registered.wait_until_running().await)?;
        self.shown.value(self.name, running.job());
        self.shown.value(self.name, &running.dashboard_url());
        self.shown.value(self.name, &running.graph());
        self.seen(running.status().await)?;
        self.seen(running.read_job().await)?;
        self.seen(running.job_errors().await)?;
        self.seen(running.checkpoints().await)?;
        let stopped = self.step(running.stop().await)?;
        self.shown.value(self.name, stopped.job());
        self.seen(stopped.status().await)?;
        Some(())
    }

    async fn discard(&self) -> Option<()> {
        match self.resolved().await? {
            Resolution::Created(created) => self.step(created.discard().await),
            Resolution::Resumed(resumed) => panic!("it was there: {}", resumed.id()),
        }
    }

    async fn post(&self) -> Option<()> {
        self.resolved().await.map(|resolution| {
            self.shown.value(self.name, &resolution.register());
        })
    }

    async fn ended(&self) -> Option<()> {
        let Resolution::Resumed(resumed) = self.resolved().await? else {
            panic!("there was one");
        };
        self.shown.value(self.name, &resumed.resumed_from());
        let running = self.step(resumed.register().wait_until_running().await)?;
        let ended = self.seen(running.ended().await)?;
        self.shown.error(self.name, &ended.into_error());
        Some(())
    }

    async fn restart(&self) -> Option<()> {
        let registered = self.resolved().await?.register();
        self.step(registered.wait_until_running().await).map(|_| ())
    }

    async fn attach(&self) -> Option<()> {
        let id = PipelineId::from_server("pl_1");
        let attached =
            Submission::attach(self.transport.clone(), id, &self.shutdown, self.options());
        let attached = self.seen(attached.await)?;
        self.seen(attached.status().await)?;
        let running = self.step(attached.wait_until_running().await)?;
        self.step(running.stop().await).map(|_| ())
    }

    async fn run(&self) -> Option<()> {
        let submission = Submission::builder(self.transport.clone(), self.spec())
            .options(self.options())
            .shutdown(&self.shutdown)
            .build();
        self.seen(submission.run().await).map(|_| ())
    }

    async fn client(&self) -> Option<()> {
        use stepwell::arroyo::{CreatePipeline, JobId, PatchPipeline, RestartPipeline, StopMode};

        let client =
            Client::new(self.transport.clone()).within(Duration::from_millis(200) * self.patience);
        self.shown.value(self.name, &client);
        let id = PipelineId::from_server("pl_1");
        let job = JobId::from_server("job_1");
        let create = CreatePipeline::new("orders", query(), std::num::NonZeroU32::MIN)
            .env_vars([("KEY".to_owned(), ENVIRONMENT.to_owned())].into());
        self.shown.value(self.name, &create);
        let patch = PatchPipeline::default().stop(StopMode::Checkpoint);
        let restart = RestartPipeline::default();
        // All requests, regardless of which one fails.
        let went = [
            self.seen(client.ping().await).is_some(),
            self.seen(client.validate(&query(), &[]).await).is_some(),
            self.seen(client.all_pipelines().await).is_some(),
            self.seen(client.create(&create).await).is_some(),
            self.seen(client.create_with_id(&id, &create).await)
                .is_some(),
            self.seen(client.pipeline(&id).await).is_some(),
            self.seen(client.jobs(&id).await).is_some(),
            self.seen(client.job_errors(&id, &job).await).is_some(),
            self.seen(client.checkpoints(&id, &job).await).is_some(),
            self.seen(client.restart(&id, &restart).await).is_some(),
            self.seen(client.patch(&id, &patch).await).is_some(),
            self.seen(client.delete(&id).await).is_some(),
        ];
        went.iter().all(|went| *went).then_some(())
    }
}
