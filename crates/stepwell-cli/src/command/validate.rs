//! `stepwell validate`.

use std::fmt::Write as _;

use stepwell::{
    SharedTransport,
    arroyo::{Client, PipelineGraph},
};

use crate::{
    arguments::Validate,
    exit::Exit,
    failure::{Failure, Origin},
    output::{Output, print_line},
    query,
};

pub(crate) async fn validate(arguments: Validate, output: &Output) -> Result<Exit, Failure> {
    let origin = query::read(&arguments.query.file, output)?;
    let udfs = query::read_udfs(&arguments.udf)?;
    match arguments.connection.transport()? {
        Some(transport) => check(transport, origin, &udfs, output).await,
        None => local(origin, &udfs, output).await,
    }
}

#[cfg(feature = "embedded")]
async fn local(
    origin: Origin,
    udfs: &[stepwell::arroyo::Udf],
    output: &Output,
) -> Result<Exit, Failure> {
    use crate::{command::local::Local, state_directory};

    let directory = state_directory::fresh("validate")?;
    let engine = Local::start_idle(directory.clone()).await?;
    let result = check(engine.transport.clone(), origin, udfs, output).await;
    let closed = engine.close().await;
    // It held nothing but an empty database.
    let _ = std::fs::remove_dir_all(directory);
    let exit = result?;
    closed?;
    Ok(exit)
}

#[cfg(not(feature = "embedded"))]
async fn local(
    _origin: Origin,
    _udfs: &[stepwell::arroyo::Udf],
    _output: &Output,
) -> Result<Exit, Failure> {
    Err(Failure::NoServer)
}

async fn check(
    transport: SharedTransport,
    origin: Origin,
    udfs: &[stepwell::arroyo::Udf],
    output: &Output,
) -> Result<Exit, Failure> {
    let client = Client::new(transport);
    let validation = client.validate(&origin.text, udfs).await?;
    match validation.graph {
        Some(graph) if validation.errors.is_empty() => {
            if output.is_json() {
                print_line!("{}", serde_json::json!({ "graph": graph }));
            } else {
                print_line!("{}", show(&graph).trim_end());
            }
            Ok(Exit::Success)
        }
        _ => Err(Failure::Invalid {
            origin,
            diagnostics: validation.errors,
        }),
    }
}

/// The operators, each with where its rows go.
fn show(graph: &PipelineGraph) -> String {
    let mut lines = String::new();
    for node in graph.nodes() {
        let targets = graph
            .edges()
            .iter()
            .filter(|edge| edge.src_id == node.node_id);
        let targets: Vec<_> = targets.map(|edge| edge.dest_id.to_string()).collect();
        let to = if targets.is_empty() {
            String::new()
        } else {
            format!(" -> {}", targets.join(", "))
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            lines,
            "{}: {} ({}){to}",
            node.node_id, node.description, node.operator
        );
    }
    lines
}
