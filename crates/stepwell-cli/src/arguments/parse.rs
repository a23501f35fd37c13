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
        let has_directory = matches!(self.command.place(), Some((_, Some(_))));
        let Some(connection) = self.command.connection_mut() else {
            return Ok(());
        };
        let is_typed = matches.value_source("server") == Some(ValueSource::CommandLine);
        if connection.server.as_deref() == Some("") {
            if is_typed {
                let text = "--server is empty; leave it out to run without a server".to_owned();
                return Err((ErrorKind::InvalidValue, text));
            }
            connection.server = None;
        }
        if has_directory {
            if is_typed {
                let text =
                    "--state-dir is for the embedded engine and cannot be used with --server";
                return Err((ErrorKind::ArgumentConflict, text.to_owned()));
            }
            // An option of this command takes precedence over an environment variable.
            connection.server = None;
        }
        match &self.command {
            Command::Run(run) => settle_run(run),
            Command::Update(update) => {
                let checked = update.settings.check();
                checked.map_err(|text| (ErrorKind::InvalidValue, text))
            }
            _ => Ok(()),
        }
    }
}

fn settle_run(run: &RunArguments) -> Result<(), (ErrorKind, String)> {
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
            "status -s d --server http://h pl_1",
            "list -s d --server http://h",
            "start",
            "start --no-wait --stable-for 3s pl_1",
            "restart --timeout 3 pl_1",
            "restart -s d --server http://h pl_1",
            "update pl_1",
            "update -p 0 pl_1",
            "update --checkpoint-interval 10ms pl_1",
            "update --env =x pl_1",
            "update --scheduler-config [] pl_1",
            "delete",
            "delete pl_1 --server http://h -s d",
            "wait --for failed pl_1",
            "wait --timeout soon pl_1",
            "logs",
        ] {
            let error = parsed(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        for line in [
            "update --env =hunter2 pl_1",
            "update --scheduler-config hunter2 pl_1",
        ] {
            let error = parsed(line).expect_err(line);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        for line in [
            "run --server http://h --detach q.sql",
            "update --server http://h --unset-env A pl_1",
            "update -p 2 --checkpoint-interval 10s --env A=1 --env B --scheduler-config {} pl_1",
            "delete -s d --stop pl_1 pl_2",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
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
