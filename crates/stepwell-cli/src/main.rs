//! The binary `stepwell`: runs a streaming-SQL pipeline, here or on an Arroyo cluster.

// Some code is unused without the engine.
#![cfg_attr(not(feature = "embedded"), allow(dead_code, clippy::unused_async))]

mod arguments;
mod carry_out;
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
mod place;
mod printable;
mod query;
mod server;
mod standard_error;
mod standard_output;
mod state_directory;
mod table;
mod trace;

use std::{path::PathBuf, process::ExitCode};

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
        Command::List(list) if list.watch => command::list::watch(list, output).await,
        Command::List(list) => unless_interrupted(command::list::list(list, output)).await,
        Command::Status(status) => {
            unless_interrupted(Box::pin(command::status::status(status, output))).await
        }
        Command::Stop(stop) => command::stop::stop(stop, output).await,
        Command::Start(start) => command::start::start(start, output).await,
        Command::Restart(restart) => command::restart::restart(restart, output).await,
        Command::Update(update) => command::update::update(update, output).await,
        Command::Replace(replace) => command::replace::replace(*replace, output).await,
        Command::Delete(delete) => command::delete::delete(delete, output).await,
        Command::Wait(wait) => {
            unless_interrupted(Box::pin(command::wait::wait(wait, output))).await
        }
        Command::Logs(logs) => command::logs::logs(logs, output).await,
        Command::Completions(completions) => {
            unless_interrupted(command::completions::completions(completions)).await
        }
    }
}

/// The command line as it was typed, with its server or state directory and its query, for the hints.
fn invocation(command: &Command) -> Invocation {
    let query = match command {
        Command::Run(run) => Some(&run.query),
        Command::Validate(validate) => Some(&validate.query),
        Command::Replace(replace) => Some(&replace.query),
        _ => None,
    };
    let (connection, directory) = command.place().unzip();
    let server = connection.and_then(|connection| connection.server.as_deref());
    let is_run = matches!(command, Command::Run(_));
    // What a run has left in its directory is not named: the hint is to run it again.
    let directory = directory.flatten().filter(|_| !is_run);
    Invocation::current(
        server,
        directory.map(PathBuf::as_path),
        query.map(|query| query.file.as_path()),
        is_run,
    )
}
