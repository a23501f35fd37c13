//! The ways through the workflow, each with every failure of each of its requests.

mod steps;

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
}
