//! The binary `stepwell`: runs a streaming-SQL pipeline, here or on an Arroyo cluster.

// Some code is unused without the engine.
#![cfg_attr(not(feature = "embedded"), allow(dead_code, clippy::unused_async))]

mod arguments;
mod color;
mod command;
mod diagnostic;
mod engine;
mod exit;
mod failure;
mod find;
mod hint;
mod interruption;
mod invocation;
mod listing;
mod moment;
mod output;
mod printable;
mod query;
mod server;
mod standard_error;
mod standard_output;
mod state_directory;
mod table;
mod trace;

use std::process::ExitCode;

use crate::{
    arguments::{Arguments, Command},
    exit::Exit,
    failure::Failure,
    interruption::unless_interrupted,
    invocation::Invocation,
    output::Output,
};

fn main() -> ExitCode {
    // clap ends usage errors with exit code 2.
    let arguments = match Arguments::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    color::choose(arguments.global.color);
    let output = Output::new(&arguments.global);
    trace::set_up(&arguments.global, &output);
    let mut invocation = invocation(&arguments.command);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let end = |result: Result<Exit, Failure>, invocation: &Invocation| match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure, &hint::hints(&failure, invocation));
            failure.exit().into()
        }
    };
    match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(run(arguments.command, &output, &mut invocation));
            // Signals are handled until everything is shown, because standard error may block.
            let code = end(result, &invocation);
            // A thread that is still reading standard input must not keep the process alive.
            runtime.shutdown_background();
            code
        }
        Err(source) => end(Err(Failure::Runtime { source }), &invocation),
    }
}

async fn run(
    command: Command,
    output: &Output,
    invocation: &mut Invocation,
) -> Result<Exit, Failure> {
    match command {
        Command::Run(run) => command::run::run(*run, output, invocation).await,
        Command::Validate(validate) => {
            unless_interrupted(command::validate::validate(validate, output)).await
        }
        Command::List(list) => unless_interrupted(command::list::list(list, output)).await,
        Command::Status(status) => {
            unless_interrupted(command::status::status(status, output)).await
        }
        Command::Stop(stop) => command::stop::stop(stop, output).await,
        Command::Completions(completions) => {
            unless_interrupted(command::completions::completions(completions)).await
        }
    }
}

/// The command line as it was typed, with its server and its query, for the hints.
fn invocation(command: &Command) -> Invocation {
    let (connection, query) = match command {
        Command::Run(run) => (Some(&run.connection), Some(&run.query)),
        Command::Validate(validate) => (Some(&validate.connection), Some(&validate.query)),
        Command::List(list) => (Some(&list.connection), None),
        Command::Status(status) => (Some(&status.connection), None),
        Command::Stop(stop) => (Some(&stop.connection), None),
        Command::Completions(_) => (None, None),
    };
    let server = connection.and_then(|connection| connection.server.as_deref());
    let is_run = matches!(command, Command::Run(_));
    Invocation::current(server, query.map(|query| query.file.as_path()), is_run)
}
