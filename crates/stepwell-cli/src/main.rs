//! The binary `stepwell`: run a streaming-SQL pipeline, here or on an Arroyo cluster.

// Without the engine, what is there for it has no user.
#![cfg_attr(not(feature = "embedded"), allow(dead_code, clippy::unused_async))]

mod arguments;
mod color;
mod command;
mod diagnostic;
mod exit;
mod failure;
mod interrupt;
mod listing;
mod moment;
mod output;
mod printable;
mod query;
mod server;
mod signal;
mod standard_output;
mod state_directory;
mod table;
mod target;
mod trace;

use std::process::ExitCode;

use crate::{
    arguments::{Arguments, Command},
    exit::Exit,
    interrupt::unless_interrupted,
    output::Output,
};

fn main() -> ExitCode {
    // Usage errors end with 2 here, as clap has it.
    let arguments = match Arguments::parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    color::choose(arguments.global.color);
    let output = Output::new(&arguments.global);
    trace::set_up(&arguments.global, &output);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(
                &format!("the tokio runtime could not be started: {error}"),
                None,
            );
            return Exit::Unexpected.into();
        }
    };
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Run(run) => command::run::run(*run, &output).await,
            Command::Validate(validate) => {
                unless_interrupted(command::validate::validate(validate, &output)).await
            }
            Command::List(list) => unless_interrupted(command::list::list(list, &output)).await,
            Command::Status(status) => {
                unless_interrupted(command::status::status(status, &output)).await
            }
            Command::Stop(stop) => command::stop::stop(stop, &output).await,
            Command::Completions(completions) => {
                unless_interrupted(command::completions::completions(completions)).await
            }
        }
    });
    // A thread that still waits for standard input must not hold the process.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit().into()
        }
    }
}
