//! The connectors of tables, with Arroyo's names.

use std::{num::NonZeroU64, path::PathBuf};

use arrow::datatypes::SchemaRef;
use stepwell_arroyo::SqlDiagnostic;

use crate::connector::impulse::Impulse;
use crate::connector::options::Options;
use crate::connector::single_file::source::{BadData, SingleFile};
use crate::plan::diagnostic::{planning, planning_at};
use crate::plan::supported::refuse_connector;
use crate::plan::words;

pub(crate) mod impulse;
pub(crate) mod options;
pub(crate) mod single_file;
pub(crate) mod sink;
pub(crate) mod source;

/// What a table is connected to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Connector {
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
    pub(crate) fn new(
        options: &mut Options,
        columns: &SchemaRef,
        parallelism: u32,
    ) -> Result<Self, SqlDiagnostic> {
        let connector = options.require("connector")?;
        options.place_at(connector.value);
        match connector.text.as_str() {
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
            name => Err(refuse_connector(name, connector.value)),
        }
    }

    pub(crate) fn is_source(&self) -> bool {
        matches!(self, Self::Impulse(_) | Self::SingleFile(_))
    }
}

fn single_file(options: &mut Options, columns: &SchemaRef) -> Result<Connector, SqlDiagnostic> {
    let path = PathBuf::from(options.require("path")?.text);
    let kind = options.one_of("type", &["source", "sink"])?;
    options.expect("format", "json")?;
    if kind == Some("sink") {
        return Ok(Connector::SingleFileSink(path));
    }
    let bad_data = match options.one_of("bad_data", &["fail", "drop"])? {
        Some("drop") => BadData::Drop,
        _ => BadData::Fail,
    };
    let wait_for_control = options.one_of("wait_for_control", &["true", "false"])?;
    let file = SingleFile {
        path,
        schema: SchemaRef::clone(columns),
        bad_data,
        wait_for_control: wait_for_control != Some("false"),
    };
    file.check().map_err(|cause| planning(&words::of(&cause)))?;
    Ok(Connector::SingleFile(file))
}

fn sink(options: &mut Options) -> Result<(), SqlDiagnostic> {
    options.expect("type", "sink")?;
    options.expect("format", "json")
}

fn impulse(options: &mut Options, parallelism: u32) -> Result<Impulse, SqlDiagnostic> {
    let given = options.require("event_rate")?;
    let rate: f64 = given.parse("event_rate", "a number")?;
    if !rate.is_finite() || rate <= 0.0 {
        let message = format!("option 'event_rate' must be greater than 0, and is {rate}");
        return Err(planning_at(&message, given.value));
    }
    let message_count: Option<u64> = options
        .take("message_count")
        .map(|given| given.parse("message_count", "a whole number"))
        .transpose()?;
    let event_time_interval = options
        .take("event_time_interval")
        .map(|given| given.parse("event_time_interval", "a whole number of nanoseconds"))
        .transpose()?;
    Ok(Impulse {
        events_per_second: rate,
        subtasks: parallelism.max(1),
        message_count: message_count.and_then(NonZeroU64::new),
        empty: message_count == Some(0),
        event_time_interval,
    })
}
