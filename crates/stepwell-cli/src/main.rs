//! The binary `stepwell`: run a streaming-SQL pipeline, here or on an Arroyo cluster.

// Without the engine, what is there for it has no user.
#![cfg_attr(not(feature = "embedded"), allow(dead_code, clippy::unused_async))]

mod arguments;
mod command;
mod diagnostic;
mod exit;
mod failure;
mod output;
mod query;
mod server;
mod signal;
mod state_directory;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::{
    arguments::{Arguments, Command},
    exit::Exit,
    output::Output,
};

fn main() -> ExitCode {
    // Usage errors end with 2 here, as clap has it.
    let arguments = Arguments::parse();
    let output = Output::new(&arguments.global);
    trace(&arguments.global);
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
            Command::Validate(validate) => command::validate::validate(validate, &output).await,
            Command::List(list) => command::list::list(list, &output).await,
            Command::Status(status) => command::status::status(status, &output).await,
            Command::Stop(stop) => command::stop::stop(stop, &output).await,
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

/// `-v` shows what the libraries say; they never say a token, a query or a body.
fn trace(global: &arguments::Global) {
    let level = match global.verbose {
        0 => return,
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = format!(
        "stepwell={level},stepwell_arroyo={level},stepwell_hyper={level},stepwell_embedded={level}"
    );
    // A request is a span: its fields show when it closes.
    let spans = if global.verbose > 1 {
        FmtSpan::CLOSE
    } else {
        FmtSpan::NONE
    };
    tracing_subscriber::fmt()
        .with_span_events(spans)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::has_color())
        .init();
}
