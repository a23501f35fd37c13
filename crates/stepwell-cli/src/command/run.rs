//! `stepwell run`.

#[cfg(feature = "embedded")]
mod embedded;
mod end;
mod plan;
mod rows;
mod submit;

use snafu::ResultExt;
use stepwell::{
    PipelineSpec, Shutdown,
    spec::{Identity, Intent, WhenFinished},
};
use tokio::task;

use self::submit::{Reached, Submit};
use crate::{
    arguments::RunArguments,
    diagnostic::NamedQuery,
    exit::Exit,
    failure::{Failure, InterruptedSnafu, SpecSnafu},
    interruption::{FirstSignal, begin_shutdown_on_signal},
    invocation::Invocation,
    output::{Destination, Output},
    query,
};

pub(crate) async fn run(
    arguments: RunArguments,
    output: &Output,
    invocation: &mut Invocation,
) -> Result<Exit, Failure> {
    let shutdown = Shutdown::new();
    let first_signal = begin_shutdown_on_signal(&shutdown, output)?;
    let query = read(&arguments, output, &shutdown, &first_signal).await?;
    let spec = spec(&arguments, &query)?;
    let mut submit = Submit {
        arguments: &arguments,
        query: &query,
        spec,
        shutdown: &shutdown,
        first_signal: &first_signal,
        output,
        reached: Reached::Nothing,
        has_finished: false,
        engine: None,
        row_printer: None,
        write_failure: None,
    };
    match arguments.connection.transport()? {
        Some(transport) => {
            let url = arguments.connection.server.as_deref().unwrap_or_default();
            output.destination(&Destination::Server(url));
            submit.run(transport).await
        }
        None => on_engine(submit, invocation).await,
    }
}

#[cfg(feature = "embedded")]
use embedded::on_engine;

#[cfg(not(feature = "embedded"))]
async fn on_engine(_submit: Submit<'_>, _invocation: &mut Invocation) -> Result<Exit, Failure> {
    Err(Failure::NoServer)
}

/// Reads the query. A signal ends that too, because standard input may never end.
async fn read(
    arguments: &RunArguments,
    output: &Output,
    shutdown: &Shutdown,
    first_signal: &FirstSignal,
) -> Result<NamedQuery, Failure> {
    let (file, output) = (arguments.query.file.clone(), output.clone());
    let reading = task::spawn_blocking(move || query::read(&file, &output));
    tokio::select! {
        biased;
        () = shutdown.begun() => match first_signal.get() {
            Some(signal) => InterruptedSnafu { signal, left: None }.fail(),
            None => Err(Failure::NoQuery),
        },
        read = reading => read.unwrap_or(Err(Failure::NoQuery)),
    }
}

fn spec(arguments: &RunArguments, query: &NamedQuery) -> Result<PipelineSpec, Failure> {
    let intent = match &arguments.id {
        Some(id) if arguments.resume_only => Intent::Resume(id.clone()),
        _ if arguments.resume_only => Intent::ResumeOnly,
        _ if arguments.create_only => Intent::CreateOnly,
        _ => Intent::ResumeOrCreate,
    };
    let mut spec = PipelineSpec::builder(&query.text)
        .name(arguments.name())
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
    for udf in query::read_udfs(&arguments.query.udf)? {
        spec = spec.udf(udf);
    }
    spec.build().context(SpecSnafu)
}
