//! Connectors: what tables read from and write to, with Arroyo's names.
//!
//! A new connector is a file here that implements [`SourceConnector`] or [`SinkConnector`], and a line in [`CONNECTORS`].

mod blackhole;
mod declaration;
mod impulse;
mod options;
mod preview;
mod print;
mod single_file;
mod sink;
mod source;
mod stdout;

use arrow::datatypes::SchemaRef;
use stepwell_arroyo::SqlDiagnostic;

pub(crate) use self::declaration::Connector;
use self::declaration::Declaration;
pub(crate) use self::options::{Given, Options};
pub(crate) use self::preview::preview;
pub(crate) use self::sink::{Sink, SinkConnector};
pub(crate) use self::source::{Due, Position, Source, SourceConnector};
use crate::plan::supported::refuse_connector;

/// Reads the options of one connector. It takes those that it knows.
type Declare = fn(&mut Declaration<'_>) -> Result<Connector, SqlDiagnostic>;

/// The connectors that a table can have.
const CONNECTORS: [(&str, Declare); 4] = [
    ("blackhole", blackhole::declare),
    ("impulse", impulse::declare),
    ("single_file", single_file::declare),
    ("stdout", stdout::declare),
];

/// The connector that the options of a table describe. `columns`: those that a source is to read.
pub(crate) fn declare(
    options: &mut Options,
    columns: &SchemaRef,
    parallelism: u32,
) -> Result<Connector, SqlDiagnostic> {
    let name = options.require("connector")?;
    options.place_at(name.value);
    let known = CONNECTORS.iter().find(|(known, _)| *known == name.text);
    let Some((_, declare)) = known else {
        return Err(refuse_connector(&name.text, name.value));
    };
    declare(&mut Declaration {
        options,
        columns,
        parallelism,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::supported::is_cluster_connector;

    #[test]
    fn what_the_engine_has_is_not_listed_as_missing() {
        for (name, _) in CONNECTORS {
            assert!(!is_cluster_connector(name), "{name}");
        }
    }
}
