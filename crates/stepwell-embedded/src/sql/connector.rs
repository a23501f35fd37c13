//! The connectors of tables and their options, with Arroyo's names.

use std::{collections::BTreeMap, num::NonZeroU64, path::PathBuf};

use arrow::datatypes::SchemaRef;

use super::source::{BadData, Impulse, SingleFile};

/// Connectors that Arroyo has and this engine does not.
const ELSEWHERE: [&str; 21] = [
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
    /// A source that reads a file.
    SingleFile(SingleFile),
    /// A sink that prints.
    Stdout,
    /// A sink that forgets.
    Blackhole,
    /// A sink that writes a file.
    SingleFileSink(PathBuf),
}

impl Connector {
    /// The connector that these options describe, or what is wrong with them. `columns`: those that a source is to read.
    pub(super) fn new(
        options: &mut Options,
        columns: &SchemaRef,
        parallelism: u32,
    ) -> Result<Self, String> {
        let name = options.take("connector").ok_or("'connector' is not set")?;
        match name.as_str() {
            "impulse" => {
                options.expect("type", "source")?;
                Ok(Self::Impulse(impulse(options, parallelism)?))
            }
            "single_file" => single_file(options, columns),
            "stdout" => {
                sink(options)?;
                Ok(Self::Stdout)
            }
            "blackhole" => {
                sink(options)?;
                Ok(Self::Blackhole)
            }
            name if ELSEWHERE.contains(&name) => Err(format!(
                "the embedded engine has no connector '{name}'; an Arroyo cluster has"
            )),
            name => Err(format!("Unknown connector '{name}'")),
        }
    }

    pub(super) fn is_source(&self) -> bool {
        matches!(self, Self::Impulse(_) | Self::SingleFile(_))
    }
}

/// Recording `035_validate_missing_option` has the words, the doubled ones too.
fn single_file(options: &mut Options, columns: &SchemaRef) -> Result<Connector, String> {
    let path = options
        .take("path")
        .ok_or("Error during planning: required option 'path' not set")?;
    let path = PathBuf::from(path);
    let kind = options.take("type");
    options.expect("format", "json")?;
    match kind.as_deref() {
        Some("sink") => Ok(Connector::SingleFileSink(path)),
        Some("source") | None => {
            let bad_data = match options.take("bad_data").as_deref() {
                None | Some("fail") => BadData::Fail,
                Some("drop") => BadData::Drop,
                Some(other) => {
                    return Err(format!(
                        "option 'bad_data' is 'fail' or 'drop', not '{other}'"
                    ));
                }
            };
            let wait_for_control = match options.take("wait_for_control").as_deref() {
                None | Some("true") => true,
                Some("false") => false,
                Some(other) => {
                    return Err(format!(
                        "option 'wait_for_control' is 'true' or 'false', not '{other}'"
                    ));
                }
            };
            let file = SingleFile {
                path,
                schema: SchemaRef::clone(columns),
                bad_data,
                wait_for_control,
            };
            file.check()?;
            Ok(Connector::SingleFile(file))
        }
        Some(other) => Err(format!(
            "option 'type' is 'source' or 'sink', not '{other}'"
        )),
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
    let event_time_interval = match options.take("event_time_interval") {
        None => None,
        Some(text) => Some(text.parse::<u64>().map_err(|_| {
            format!("option 'event_time_interval' is not a whole number of nanoseconds: '{text}'")
        })?),
    };
    Ok(Impulse {
        events_per_second: rate,
        subtasks: parallelism.max(1),
        message_count: message_count.and_then(NonZeroU64::new),
        empty: message_count == Some(0),
        event_time_interval,
    })
}

/// The options of a `WITH` clause that have not been looked at yet.
#[derive(Debug, Default)]
pub(super) struct Options(pub(super) BTreeMap<String, String>);

impl Options {
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
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

    pub(super) fn finish(self) -> Result<(), String> {
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
