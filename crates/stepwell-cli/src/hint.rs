//! What to try after a failure: advice, and commands that work as they are printed.

use std::path::Path;

use stepwell::{
    Error, PipelineId,
    arroyo::ClientError,
    error::{
        AttachError, ChangeError, ConnectError, ReplacementError, ResolveError, ValidateError,
        WaitError,
    },
    shutdown::ShutdownReport,
    transport::TransportErrorKind,
};

use crate::{exit::is_not_arroyo, failure::Failure, find::Ambiguous, invocation::Invocation};

/// One thing to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) text: String,
    pub(crate) command: Option<String>,
}

/// Advice without a command.
fn advice(text: &str) -> Vec<Hint> {
    vec![Hint {
        text: text.to_owned(),
        command: None,
    }]
}

/// A command to run, if there is one that works.
fn run(text: &str, command: Option<String>) -> Vec<Hint> {
    let hint = command.map(|command| Hint {
        text: text.to_owned(),
        command: Some(command),
    });
    hint.into_iter().collect()
}

const TOKEN: &str = "set STEPWELL_TOKEN, or pass a file with the token as --token-file FILE";
const NOT_ARROYO: &str =
    "this is not an Arroyo API; give the address of one, such as --server http://host:5115";

/// The maximum number of pipelines that hints are given for.
const MOST: usize = 3;

/// Returns the hints after this failure of the command that was typed.
pub(crate) fn hints(failure: &Failure, typed: &Invocation) -> Vec<Hint> {
    match failure {
        Failure::ReadQuery { .. } => {
            advice("check the path; - reads the query from standard input")
        }
        Failure::NotText { .. } => advice("save the file as UTF-8"),
        Failure::TooLong { .. } => advice("split the query, or keep data out of it"),
        Failure::UdfLanguage { .. } => advice("rename the file"),
        Failure::NoServer => advice(
            "pass --server URL, or set STEPWELL_SERVER; or pass --state-dir DIRECTORY for the embedded engine",
        ),
        Failure::Token { .. } => advice(TOKEN),
        #[cfg(feature = "embedded")]
        Failure::Engine { .. } => {
            advice("choose another directory with --state-dir, or fix the problem above")
        }
        #[cfg(feature = "embedded")]
        Failure::Parallelism { most, .. } => run(
            "use fewer",
            typed.changed(
                &["-p=", "--parallelism="],
                &["--parallelism", &most.to_string()],
            ),
        ),
        Failure::Invalid { query, .. } => run(
            "fix the query, and check it without running it",
            typed.validate(Path::new(&query.name)),
        ),
        Failure::StoppedElsewhere { .. } => run("resume it", typed.resume()),
        Failure::JobFailed { id, .. } => restart(id, typed),
        #[cfg(feature = "embedded")]
        Failure::State { .. } => advice("choose another directory with --state-dir"),
        Failure::NotRunning { id, .. } => run("start it", typed.start(id)),
        Failure::Late { id, .. } => {
            let mut hints = look(id, typed);
            hints.extend(run(
                "see what its job has logged",
                typed.on_the_server("logs", &[id.as_str()]),
            ));
            hints
        }
        Failure::Call { source } => call(source, typed),
        Failure::Ambiguous { source } => ambiguous(source, typed),
        Failure::Step { source } => step(source, typed),
        Failure::Unsettled {
            first,
            report,
            ends_with_us,
        } => {
            let mut all = if *ends_with_us {
                Vec::new()
            } else {
                unsettled(report, typed)
            };
            all.extend(first.iter().flat_map(|first| hints(first, typed)));
            all.dedup();
            all
        }
        _ => Vec::new(),
    }
}

fn call(error: &ClientError, typed: &Invocation) -> Vec<Hint> {
    if error.is_not_found() {
        run("list the pipelines", typed.on_the_server("list", &[]))
    } else if is_not_arroyo(error) {
        advice(NOT_ARROYO)
    } else if error.transport_error_kind().is_some() {
        unreachable(error)
    } else if error
        .status()
        .is_some_and(|status| status == 401 || status == 403)
    {
        advice(TOKEN)
    } else {
        Vec::new()
    }
}

fn ambiguous(error: &Ambiguous, typed: &Invocation) -> Vec<Hint> {
    let ids = error.ids().take(MOST);
    ids.flat_map(|id| run(&format!("use {id}"), typed.with_instead(error.typed(), id)))
        .collect()
}

fn unreachable(error: &ClientError) -> Vec<Hint> {
    use TransportErrorKind::{BodyTooLarge, HeadTooLarge};
    if let Some(BodyTooLarge | HeadTooLarge) = error.transport_error_kind() {
        Vec::new()
    } else if error.transport_error_kind() == Some(TransportErrorKind::Tls) {
        advice(
            "pass a private CA of the server with --ca-file FILE, and your own certificate with --client-certificate FILE and --client-key FILE",
        )
    } else {
        advice("start the server, or check --server")
    }
}

fn step(error: &Error, typed: &Invocation) -> Vec<Hint> {
    match error {
        Error::Connect { source } => match source {
            ConnectError::Credentials { .. } => advice(TOKEN),
            ConnectError::NotArroyo { .. } => advice(NOT_ARROYO),
            ConnectError::Unreachable { source, .. } => unreachable(source),
            _ => advice("start the server, or check --server"),
        },
        Error::Validate {
            source: ValidateError::Invalid { .. },
        } => advice("fix the query"),
        Error::Resolve { source } => resolve(source, typed),
        Error::Wait { source } => wait(source, typed),
        Error::Change { source } => change(source, typed),
        Error::Replacement { source } => replacement(source, typed),
        Error::Attach {
            source: AttachError::NotFound { .. },
        } => run("list the pipelines", typed.on_the_server("list", &[])),
        _ => Vec::new(),
    }
}

fn resolve(error: &ResolveError, typed: &Invocation) -> Vec<Hint> {
    match error {
        ResolveError::OtherPipelines { .. } => {
            run("create it alongside them", typed.with(&["--force"]))
        }
        ResolveError::NoneWithId { .. } => run("create it anyway", typed.with(&["--force"])),
        ResolveError::Ambiguous { matches, .. } => matches
            .iter()
            .take(MOST)
            .flat_map(|pipeline| {
                let command = typed.changed(&["--id="], &["--id", pipeline.id.as_str()]);
                run(&format!("resume {:?}", pipeline.name), command)
            })
            .collect(),
        ResolveError::NothingToResume { .. } => {
            run("create it", typed.changed(&["--resume-only"], &[]))
        }
        ResolveError::AlreadyExists { .. } => {
            run("resume it", typed.changed(&["--create-only"], &[]))
        }
        ResolveError::Finished { .. } => run(
            "start it from the beginning",
            typed.changed(&["--resume-only", "--create-only"], &["--new-run"]),
        ),
        ResolveError::Conflict { .. } => advice("choose another --id"),
        ResolveError::OutcomeUnknown { .. } | ResolveError::StillUnknown { .. } => run(
            "run the same command again, which finds the pipeline if it is there",
            typed.resume(),
        ),
        _ => Vec::new(),
    }
}

fn wait(error: &WaitError, typed: &Invocation) -> Vec<Hint> {
    match error {
        WaitError::Failed { id, .. }
        | WaitError::Deadline {
            id,
            trouble: Some(_),
            ..
        } => restart(id.as_str(), typed),
        WaitError::Deadline { id, elapsed, .. } => {
            let mut hints = look(id, typed);
            let longer = format!("{}m", (elapsed.as_secs() / 30).max(20));
            hints.extend(run("wait longer", typed.wait_longer(id.as_str(), &longer)));
            hints
        }
        WaitError::Stopped { id, .. } => run("resume it", typed.start(id.as_str())),
        WaitError::Silence { id, .. } => look(id, typed),
        _ => Vec::new(),
    }
}

fn restart(id: &str, typed: &Invocation) -> Vec<Hint> {
    run(
        "fix the cause, and restart the pipeline from its last checkpoint",
        typed.start(id),
    )
}

fn change(error: &ChangeError, typed: &Invocation) -> Vec<Hint> {
    match error {
        ChangeError::Finished { .. } => advice("run its query again, with --new-run"),
        ChangeError::NotRunning { id, .. } => run("start it", typed.start(id.as_str())),
        ChangeError::StillRunning { .. } => {
            run("stop it, and delete it then", typed.with(&["--stop"]))
        }
        ChangeError::Vanished { .. } => run("list the pipelines", typed.on_the_server("list", &[])),
        ChangeError::NotSettled { id, .. }
        | ChangeError::Unanswered { id, .. }
        | ChangeError::OutcomeUnknown { id, .. } => look(id, typed),
        ChangeError::Rejected { source, .. } => call(source, typed),
        _ => Vec::new(),
    }
}

fn replacement(error: &ReplacementError, typed: &Invocation) -> Vec<Hint> {
    let again = || {
        advice("run the same command again, with the id of the old pipeline, which goes on with it")
    };
    match error {
        ReplacementError::SamePipeline { .. } => {
            advice("change its settings with `stepwell update`")
        }
        ReplacementError::RolledBack { source, .. } => match &**source {
            ReplacementError::NoFinalCheckpoint { .. } => {
                advice("go on without it, with --without-checkpoint")
            }
            source => replacement(source, typed),
        },
        ReplacementError::NewInDoubt { .. } | ReplacementError::NotRolledBack { .. } => again(),
        ReplacementError::New { source, .. } => match &**source {
            Error::Resolve { source } => resolve(source, typed),
            _ => advice("fix the query"),
        },
        _ if error.is_retryable() => again(),
        _ => Vec::new(),
    }
}

fn look(id: &PipelineId, typed: &Invocation) -> Vec<Hint> {
    run(
        "see its status",
        typed.on_the_server("status", &[id.as_str()]),
    )
}

fn unsettled(report: &ShutdownReport, typed: &Invocation) -> Vec<Hint> {
    let hints = report.unsettled().take(MOST).flat_map(|entry| {
        let Some(id) = &entry.id else {
            return run(
                "look for it",
                typed.on_the_server("list", &["--name", &entry.name]),
            );
        };
        let mut hints = look(id, typed);
        hints.extend(run("stop it", typed.on_the_server("stop", &[id.as_str()])));
        hints
    });
    hints.collect()
}
