//! The arguments of `start`, `restart`, `update`, `delete`, `wait` and `logs`.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};
use stepwell::spec::CheckpointInterval;

use super::{Place, Stopping, Target, run::checkpoint_interval};

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) until: UntilRunning,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct RestartArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) until: UntilRunning,
    #[command(flatten)]
    pub(crate) stopping: Stopping,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) until: UntilRunning,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
#[group(required = true, multiple = true)]
pub(crate) struct Settings {
    /// Number of parallel subtasks
    #[arg(short, long, value_name = "NUMBER")]
    pub(crate) parallelism: Option<NonZeroU32>,
    /// Time between two checkpoints, from 1s to 1d
    #[arg(long, value_name = "DURATION", value_parser = checkpoint_interval)]
    pub(crate) checkpoint_interval: Option<CheckpointInterval>,
    /// Variable to set in the environment of the workers, which keeps its other variables; without a value it gets that of this process; can
    /// be repeated
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = variable)]
    pub(crate) env: Vec<Variable>,
    /// Variable to remove from the environment of the workers; can be repeated
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) unset_env: Vec<String>,
    /// The whole overlay on the server's scheduler configuration; {} removes it
    // It is parsed later, because clap's errors repeat a value, which may hold secrets.
    #[arg(long, value_name = "JSON")]
    pub(crate) scheduler_config: Option<String>,
}

/// A variable, with its value unless it is taken from this process.
#[derive(Clone)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
}

impl std::fmt::Debug for Variable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The value may be a secret.
        formatter.write_str(&self.name)
    }
}

/// An overlay on the configuration of a scheduler.
pub(crate) type Overlay = serde_json::Map<String, serde_json::Value>;

#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// Ids of the pipelines, or the beginnings of their ids (at least 4 characters) or their names, if only one pipeline matches each
    #[arg(value_name = "PIPELINE", required = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) pipelines: Vec<String>,
    /// Stop those that run first
    #[arg(long, help_heading = WAITING)]
    pub(crate) stop: bool,
    /// Succeed if there is no such pipeline
    #[arg(long, help_heading = "Pipelines")]
    pub(crate) ignore_not_found: bool,
    #[command(flatten)]
    pub(crate) stopping: Stopping,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    /// What to wait for
    #[arg(long = "for", value_name = "STATE", value_enum, default_value_t, help_heading = WAITING)]
    pub(crate) awaited: Awaited,
    /// How long to wait
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "5m", help_heading = WAITING)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Awaited {
    /// Its job is Running
    #[default]
    Running,
    /// Its job is Stopped and is to stay so, or Finished
    Stopped,
    /// Its job is Finished
    Finished,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Show the oldest first, and then new ones as they come, until the pipeline ends
    #[arg(short = 'F', long, help_heading = "Errors")]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

const WAITING: &str = "Waiting and stopping";

/// How long a command waits for the pipeline.
#[derive(Debug, Args)]
#[command(next_help_heading = "Waiting and stopping")]
pub(crate) struct UntilRunning {
    /// How long to wait until the pipeline is running
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "5m")]
    pub(crate) timeout: Duration,
    /// How long the pipeline must stay running before it counts as running
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) stable_for: Option<Duration>,
    /// Exit once the server has accepted the request
    #[arg(long, conflicts_with = "stable_for")]
    pub(crate) no_wait: bool,
}

#[allow(clippy::unnecessary_wraps, reason = "it is clap's parser of a value")]
fn variable(text: &str) -> Result<Variable, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let name = name.to_owned();
    Ok(Variable { name, value })
}

impl Settings {
    /// What is wrong with the settings, without their values, which may be secrets.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.env.iter().any(|variable| variable.name.is_empty()) {
            return Err("--env needs the name of a variable, as in NAME=VALUE".to_owned());
        }
        self.overlay().map(drop)
    }

    pub(crate) fn overlay(&self) -> Result<Option<Overlay>, String> {
        let parse = |text: &String| {
            serde_json::from_str(text)
                .map_err(|_| "the value of --scheduler-config is no JSON object".to_owned())
        };
        self.scheduler_config.as_ref().map(parse).transpose()
    }

    /// The environment of the workers after the update; `None` if the command line has no variable.
    pub(crate) fn environment(
        &self,
        before: &BTreeMap<String, String>,
    ) -> Result<Option<BTreeMap<String, String>>, String> {
        if self.env.is_empty() && self.unset_env.is_empty() {
            return Ok(None);
        }
        let mut environment = before.clone();
        for name in &self.unset_env {
            environment.remove(name);
        }
        for Variable { name, value } in &self.env {
            let value = match value {
                Some(value) => value.clone(),
                None => std::env::var(name).map_err(|_| name.clone())?,
            };
            environment.insert(name.clone(), value);
        }
        Ok(Some(environment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_set_and_removed_and_the_others_kept() {
        let before = [("A", "1"), ("B", "2"), ("C", "3")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let settings = |env: &[&str], unset: &[&str]| Settings {
            parallelism: None,
            checkpoint_interval: None,
            env: env.iter().map(|text| variable(text).unwrap()).collect(),
            unset_env: unset.iter().map(|&name| name.to_owned()).collect(),
            scheduler_config: None,
        };
        let text = |environment: BTreeMap<String, String>| {
            let pairs = environment
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        for (env, unset, after) in [
            (&["A=9", "D=4=4"][..], &[][..], "A=9 B=2 C=3 D=4=4"),
            (&["A="], &["B", "X"], "A= C=3"),
            (&["A=9"], &["A"], "A=9 B=2 C=3"),
        ] {
            let environment = settings(env, unset).environment(&before).unwrap().unwrap();
            assert_eq!(text(environment), after, "{env:?} {unset:?}");
        }
        assert_eq!(settings(&[], &[]).environment(&before), Ok(None));
        let missing = settings(&["STEPWELL_NO_SUCH_VARIABLE"], &[]).environment(&before);
        assert_eq!(missing, Err("STEPWELL_NO_SUCH_VARIABLE".to_owned()));
        let here = settings(&["CARGO_PKG_NAME"], &[]).environment(&before);
        let here = here.unwrap().unwrap();
        assert_eq!(
            here["CARGO_PKG_NAME"],
            std::env::var("CARGO_PKG_NAME").unwrap()
        );
    }

    #[test]
    fn the_value_of_a_variable_is_not_shown() {
        assert_eq!(format!("{:?}", variable("KEY=hunter2").unwrap()), "KEY");
    }
}
