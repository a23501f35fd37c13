//! The connectors of tables and their options, with Arroyo's names.

use std::{collections::BTreeMap, num::NonZeroU64};

use super::impulse::Impulse;

/// Connectors that Arroyo has and this engine does not.
const ELSEWHERE: [&str; 22] = [
    "confluent",
    "delta",
    "filesystem",
    "fluvio",
    "iceberg",
    "kafka",
    "kinesis",
    "mqtt",
    "mysql",
    "nats",
    "nexmark",
    "polling_http",
    "postgres",
    "preview",
    "rabbitmq",
    "redis",
    "single_file",
    "sse",
    "stomp",
    "udp",
    "webhook",
    "websocket",
];

/// What a table is connected to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Connector {
    /// A source that counts.
    Impulse(Impulse),
    /// A sink that prints.
    Stdout,
    /// A sink that forgets.
    Blackhole,
}

impl Connector {
    /// The connector that these options describe, or what is wrong with them.
    pub(super) fn new(mut options: Options, parallelism: u32) -> Result<Self, String> {
        let name = options.take("connector").ok_or("'connector' is not set")?;
        let connector = match name.as_str() {
            "impulse" => {
                options.expect("type", "source")?;
                Self::Impulse(impulse(&mut options, parallelism)?)
            }
            "stdout" => {
                sink(&mut options)?;
                Self::Stdout
            }
            "blackhole" => {
                sink(&mut options)?;
                Self::Blackhole
            }
            name if ELSEWHERE.contains(&name) => {
                return Err(format!(
                    "the embedded engine has no connector '{name}'; an Arroyo cluster has"
                ));
            }
            name => return Err(format!("Unknown connector '{name}'")),
        };
        options.finish()?;
        Ok(connector)
    }

    pub(super) fn is_source(&self) -> bool {
        matches!(self, Self::Impulse(_))
    }
}

fn sink(options: &mut Options) -> Result<(), String> {
    options.expect("type", "sink")?;
    options.expect("format", "json")
}

fn impulse(options: &mut Options, parallelism: u32) -> Result<Impulse, String> {
    let rate = options
        .take("event_rate")
        .ok_or("required option 'event_rate' not set")?;
    let rate: f64 = rate
        .parse()
        .map_err(|_| format!("option 'event_rate' is not a number: '{rate}'"))?;
    if !rate.is_finite() || rate <= 0.0 {
        return Err(format!(
            "option 'event_rate' must be greater than 0, and is {rate}"
        ));
    }
    let message_count = match options.take("message_count") {
        None => None,
        Some(text) => Some(
            text.parse::<u64>()
                .map_err(|_| format!("option 'message_count' is not a whole number: '{text}'"))?,
        ),
    };
    if options.take("event_time_interval").is_some() {
        // It sets event times, which nothing here looks at.
        return Err(
            "the embedded engine has no option 'event_time_interval'; an Arroyo cluster has"
                .to_owned(),
        );
    }
    Ok(Impulse {
        events_per_second: rate,
        subtasks: parallelism.max(1),
        message_count: message_count.and_then(NonZeroU64::new),
        empty: message_count == Some(0),
    })
}

/// The options of a `WITH` clause that have not been looked at yet.
#[derive(Debug, Default)]
pub(super) struct Options(pub(super) BTreeMap<String, String>);

impl Options {
    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// An option that may be left out and has one value.
    fn expect(&mut self, name: &str, value: &str) -> Result<(), String> {
        match self.take(name) {
            Some(found) if found != value => Err(format!(
                "option '{name}' is '{found}', and the embedded engine has only '{value}' there"
            )),
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self.0.keys().map(|name| format!("'{name}'")).collect();
        Err(format!(
            "unknown options provided in WITH clause: {}",
            names.join(", ")
        ))
    }
}
