//! Parsing the command line to [`Arguments`], with the rules that clap cannot express.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{
    ArgMatches, ColorChoice, CommandFactory as _, Error, FromArgMatches as _, ValueEnum as _,
    error::ErrorKind, parser::ValueSource,
};

use super::{Arguments, Command, RunArguments};
use crate::{color::When, exit::Exit};

impl Arguments {
    /// Parses the arguments of this process. Fails with the exit code after a help text or an error was shown.
    pub(crate) fn parse() -> Result<Self, ExitCode> {
        let line: Vec<_> = std::env::args_os().collect();
        Self::of(&line).map_err(|error| show(&error))
    }

    fn of(line: &[OsString]) -> Result<Self, Error> {
        let mut command = Self::command().color(color_of(line));
        let matches = command.try_get_matches_from_mut(line)?;
        let mut arguments =
            Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let Some((name, of_command)) = matches.subcommand() else {
            return Ok(arguments);
        };
        arguments.settle(of_command).map_err(|message| {
            let (kind, text) = message;
            let command = command.find_subcommand_mut(name);
            match command {
                Some(command) => command.error(kind, text),
                None => Error::raw(kind, text),
            }
        })?;
        Ok(arguments)
    }

    /// Decides which server is used, if any. An empty environment variable counts as unset.
    fn settle(&mut self, matches: &ArgMatches) -> Result<(), (ErrorKind, String)> {
        let connection = match &mut self.command {
            Command::Run(run) => &mut run.connection,
            Command::Validate(validate) => &mut validate.connection,
            Command::List(list) => &mut list.connection,
            Command::Status(status) => &mut status.connection,
            Command::Stop(stop) => &mut stop.connection,
            Command::Completions(_) => return Ok(()),
        };
        let is_typed = matches.value_source("server") == Some(ValueSource::CommandLine);
        if connection.server.as_deref() == Some("") {
            if is_typed {
                let text = "--server is empty; leave it out to run without a server".to_owned();
                return Err((ErrorKind::InvalidValue, text));
            }
            connection.server = None;
        }
        match &mut self.command {
            Command::Run(run) => settle_run(run, is_typed),
            _ => Ok(()),
        }
    }
}

fn settle_run(run: &mut RunArguments, server_is_typed: bool) -> Result<(), (ErrorKind, String)> {
    if run.state_dir.is_some() {
        if server_is_typed {
            let text = "--state-dir is for the embedded engine and cannot be used with --server";
            return Err((ErrorKind::ArgumentConflict, text.to_owned()));
        }
        // An option of this command takes precedence over an environment variable.
        run.connection.server = None;
    }
    let needs_server = match run {
        RunArguments { detach: true, .. } => "--detach",
        RunArguments { no_wait: true, .. } => "--no-wait",
        _ => return Ok(()),
    };
    if run.connection.server.is_none() {
        let text = format!(
            "{needs_server} needs a server: add --server URL or set STEPWELL_SERVER, without --state-dir"
        );
        return Err((ErrorKind::MissingRequiredArgument, text));
    }
    Ok(())
}

/// The value of `--color` for clap's own help texts and errors, which are shown before the line is parsed.
fn color_of(line: &[OsString]) -> ColorChoice {
    let mut words = line.iter().filter_map(|word| word.to_str()).peekable();
    let mut choice = ColorChoice::Auto;
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        let value = match word.strip_prefix("--color") {
            Some("") => words.peek().copied(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        match value.and_then(|value| When::from_str(value, false).ok()) {
            Some(When::Always) => choice = ColorChoice::Always,
            Some(When::Never) => choice = ColorChoice::Never,
            Some(When::Auto) => choice = ColorChoice::Auto,
            None => {}
        }
    }
    choice
}

/// Shows a help text or an error, and returns the exit code. It is a failure if a help text cannot be written.
fn show(error: &Error) -> ExitCode {
    let shown = error.print().and_then(|()| io::stdout().flush());
    match shown {
        Err(problem) if !error.use_stderr() && problem.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(
                io::stderr(),
                "error: standard output could not be written\n  because {problem}"
            );
            Exit::Unexpected.into()
        }
        _ => u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, Error> {
        let words = ["stepwell"].into_iter().chain(line.split(' '));
        Arguments::of(&words.map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for line in [
            "run --create-only --resume-only q.sql",
            "run --detach q.sql",
            "run --no-wait q.sql",
            "run -s state --server http://h q.sql",
            "run -s state --detach q.sql",
            "run --server= q.sql",
            "run -p 0 q.sql",
            "run --timeout 3 q.sql",
            "run --checkpoint-interval 10ms q.sql",
            "run --id a/b q.sql",
            "run --find-by name q.sql",
            "run -q -v q.sql",
            "run --token secret q.sql",
            "list --sort size",
            "list --color sometimes",
            "completions tcsh",
            "status",
        ] {
            let error = parsed(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        assert!(parsed("run --server http://h --detach q.sql").is_ok());
    }

    #[test]
    fn the_colour_of_the_help_is_what_the_line_says() {
        for (line, choice) in [
            ("stepwell --help", ColorChoice::Auto),
            ("stepwell --color never --help", ColorChoice::Never),
            ("stepwell list --color=always", ColorChoice::Always),
            (
                "stepwell --color=always run --color never",
                ColorChoice::Never,
            ),
            ("stepwell --color blue", ColorChoice::Auto),
            ("stepwell run -- --color never", ColorChoice::Auto),
        ] {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            assert_eq!(color_of(&words), choice, "{line}");
        }
    }
}
