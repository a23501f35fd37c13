//! Carrying out a change of a pipeline and waiting until it runs, with signals.

use std::{future::Future, time::Duration};

use stepwell::{Error, Options, PipelineId, Submission, error::WaitError, state::Registered};

use crate::{
    arguments::UntilRunning,
    exit::Exit,
    failure::{Failure, InterruptedSnafu},
    interruption::Interruptions,
    output::Output,
};

/// The options of a command about one pipeline that exists. A person is waiting.
pub(crate) fn options(output: &Output) -> Options {
    Options::default()
        .with_observer(output.observer())
        .with_connect_timeout(Duration::from_secs(5))
}

impl UntilRunning {
    pub(crate) fn options(&self, output: &Output) -> Options {
        let options = options(output);
        let resolve_timeout = options.resolve_timeout().min(self.timeout);
        let options = options
            .with_running_timeout(self.timeout)
            .with_resolve_timeout(resolve_timeout);
        match self.stable_for {
            Some(duration) => options.with_stable_for(duration),
            None => options,
        }
    }
}

/// A change of a pipeline that ends with its running.
pub(crate) struct Change<'a> {
    pub(crate) id: PipelineId,
    /// Such as `starting`.
    pub(crate) doing: &'a str,
    pub(crate) until: &'a UntilRunning,
    pub(crate) interruptions: Interruptions,
    pub(crate) output: &'a Output,
}

impl Change<'_> {
    /// Completes the change unless a second signal comes, and then waits until the pipeline runs unless a first one does. In either case the
    /// pipeline is left as it is.
    pub(crate) async fn carry_out(
        self,
        change: impl Future<Output = Result<Submission<Registered>, Failure>>,
    ) -> Result<Exit, Failure> {
        let Self {
            id,
            doing,
            until,
            mut interruptions,
            output,
        } = self;
        let mut first = None;
        let changing = interruptions.unless_interrupted_twice(change, |signal| {
            first = Some(signal);
            output.note(&format!("{doing} pipeline {id}; {}", signal.again()));
            format!("it is not known whether pipeline {id} runs")
        });
        let changed = changing.await?;
        let left = format!("pipeline {id} was told to run, and is left so");
        if let Some(signal) = first {
            let left = Some(left);
            return InterruptedSnafu { signal, left }.fail();
        }
        let dashboard = changed.dashboard_url();
        let is_seen_running = !until.no_wait;
        if is_seen_running {
            let waiting = Box::pin(wait_until_running(changed, output));
            let waited = interruptions.unless_interrupted_leaving(left, waiting);
            if let Some(exit) = waited.await? {
                return Ok(exit);
            }
        }
        output.left_running(id.as_str(), is_seen_running, dashboard.as_deref());
        Ok(Exit::Success)
    }
}

/// Returns how the command ends if the pipeline has finished before it was seen running.
async fn wait_until_running(
    pipeline: Submission<Registered>,
    output: &Output,
) -> Result<Option<Exit>, Failure> {
    match pipeline.wait_until_running().await {
        Ok(_) => Ok(None),
        Err(failure) => match failure.into_error() {
            Error::Wait {
                source: WaitError::Finished { id, job },
            } => {
                output.ended(id.as_str(), job.state.as_str());
                Ok(Some(Exit::Success))
            }
            error => Err(error.into()),
        },
    }
}
