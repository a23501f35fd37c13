//! What an update changes of a pipeline.

use std::time::Duration;

use stepwell::{observe::Difference, spec::Update, state::Status};

use crate::{
    arguments::Settings,
    failure::{Failure, UsageSnafu},
};

/// The settings that differ from those of the pipeline.
pub(super) struct Changes {
    update: Update,
    /// Each with its words.
    changed: Vec<(Setting, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    Parallelism,
    CheckpointInterval,
    Environment,
    SchedulerConfig,
}

impl Changes {
    pub(super) fn of(settings: &Settings, status: &Status) -> Result<Self, Failure> {
        let mut changes = Self {
            update: Update::new(),
            changed: Vec::new(),
        };
        let (pipeline, job) = (&status.pipeline, status.job.as_ref());
        let now = pipeline.graph.parallelism();
        if let Some(parallelism) = settings.parallelism.filter(|to| now != Some(to.get())) {
            let from = now.map_or(String::new(), |now| format!(" from {now}"));
            let text = format!("parallelism{from} to {parallelism}");
            changes.add(Setting::Parallelism, text, |update| {
                update.parallelism(parallelism)
            });
        }
        let now = pipeline.checkpoint_interval_micros;
        let interval = settings.checkpoint_interval;
        if let Some(interval) = interval.filter(|interval| interval.micros() != now) {
            let text = format!(
                "checkpoint interval from {} to {}",
                time(now),
                time(interval.micros())
            );
            changes.add(Setting::CheckpointInterval, text, |update| {
                update.checkpoint_interval(interval)
            });
        }
        let now = job.map(|job| job.env_vars.clone()).unwrap_or_default();
        let environment = settings.environment(&now).map_err(|name| {
            let message = format!("--env {name} has no value, and {name} is not set here");
            UsageSnafu { message }.build()
        })?;
        if let Some(environment) = environment.filter(|environment| *environment != now) {
            let names = environment.keys().chain(now.keys());
            let mut names: Vec<_> = names
                .filter(|name| environment.get(*name) != now.get(*name))
                .map(String::as_str)
                .collect();
            names.sort_unstable();
            names.dedup();
            // Not the values, which may be secrets.
            let text = format!("environment ({})", names.join(", "));
            changes.add(Setting::Environment, text, |update| {
                update.environment(environment)
            });
        }
        let now = job.map(|job| &job.scheduler_config);
        let config = settings
            .overlay()
            .map_err(|message| UsageSnafu { message }.build())?;
        if let Some(config) =
            config.filter(|config| now.and_then(serde_json::Value::as_object) != Some(config))
        {
            let text = "scheduler configuration".to_owned();
            changes.add(Setting::SchedulerConfig, text, |update| {
                update.scheduler_config(config)
            });
        }
        Ok(changes)
    }

    fn add(&mut self, setting: Setting, text: String, set: impl FnOnce(Update) -> Update) {
        self.update = set(std::mem::take(&mut self.update));
        self.changed.push((setting, text));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    pub(super) fn update(&self) -> &Update {
        &self.update
    }

    /// What has changed, in words, except what the server has ignored.
    pub(super) fn texts_without(&self, ignored: &[Difference]) -> Vec<&str> {
        let is_ignored = |setting| {
            ignored.iter().any(|difference| {
                setting
                    == match difference {
                        Difference::Parallelism { .. } => Some(Setting::Parallelism),
                        Difference::CheckpointInterval { .. } => Some(Setting::CheckpointInterval),
                        Difference::Environment => Some(Setting::Environment),
                        Difference::SchedulerConfig => Some(Setting::SchedulerConfig),
                        _ => None,
                    }
            })
        };
        let changed = self.changed.iter();
        let kept = changed.filter(|(setting, _)| !is_ignored(Some(*setting)));
        kept.map(|(_, text)| text.as_str()).collect()
    }
}

fn time(micros: u64) -> String {
    humantime::format_duration(Duration::from_micros(micros)).to_string()
}
