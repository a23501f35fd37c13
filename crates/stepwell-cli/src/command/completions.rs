//! `stepwell completions`.

use clap::CommandFactory as _;

use crate::{
    arguments::{Arguments, CompletionsArguments},
    exit::Exit,
    failure::Failure,
    standard_output,
};

pub(crate) async fn completions(arguments: CompletionsArguments) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "stepwell", &mut script);
    standard_output::print(String::from_utf8_lossy(&script).into_owned()).await?;
    Ok(Exit::Success)
}
