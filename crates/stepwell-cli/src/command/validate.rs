//! `stepwell validate`.

use std::path::PathBuf;

use stepwell::{
    SharedTransport,
    arroyo::{Client, PipelineGraph},
};

use crate::{
    arguments::Validate,
    exit::Exit,
    failure::{Failure, Origin},
    output::Output,
    printable, query, standard_output,
    table::{self, Cell, Column, Side},
};

pub(crate) async fn validate(arguments: Validate, output: &Output) -> Result<Exit, Failure> {
    let origin = read(arguments.query.file, output.clone()).await?;
    let udfs = query::read_udfs(&arguments.query.udf)?;
    match arguments.connection.transport()? {
        Some(transport) => check(transport, origin, &udfs, output).await,
        None => local(origin, &udfs, output).await,
    }
}

/// Standard input may be silent for ever, and a signal must end the command all the same.
async fn read(file: PathBuf, output: Output) -> Result<Origin, Failure> {
    let reading = tokio::task::spawn_blocking(move || query::read(&file, &output));
    match reading.await {
        Ok(read) => read,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(feature = "embedded")]
async fn local(
    origin: Origin,
    udfs: &[stepwell::arroyo::Udf],
    output: &Output,
) -> Result<Exit, Failure> {
    use crate::{command::local::Local, state_directory};

    let directory = Temporary(state_directory::fresh("validate")?);
    let engine = Local::start_idle(directory.0.clone()).await?;
    let result = check(engine.transport.clone(), origin, udfs, output).await;
    let closed = engine.close().await;
    let exit = result?;
    closed?;
    Ok(exit)
}

/// A directory with nothing but an empty database, which goes away when a signal ends the command too.
#[cfg(feature = "embedded")]
struct Temporary(PathBuf);

#[cfg(feature = "embedded")]
impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
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
            let text = if output.is_json() {
                format!("{}\n", serde_json::json!({ "graph": graph }))
            } else {
                show(&graph)
            };
            standard_output::print(text).await?;
            Ok(Exit::Success)
        }
        _ => Err(Failure::Invalid {
            origin,
            diagnostics: validation.errors,
        }),
    }
}

/// The operators, each with where its rows go and how they are dealt out.
fn show(graph: &PipelineGraph) -> String {
    let nodes = graph.nodes().iter();
    let ids = nodes.clone().map(|node| node.node_id.to_string());
    let operators = nodes.clone().map(|node| printable::line(&node.operator));
    let targets = nodes.clone().map(|node| targets(graph, node.node_id));
    let descriptions = nodes.map(|node| printable::line(&node.description));
    table::lines(&[
        Column::new(Side::Right, "ID", ids.map(Cell::new)),
        Column::new(Side::Left, "OPERATOR", operators.map(Cell::new)),
        Column::new(Side::Left, "ROWS GO TO", targets.map(Cell::new)),
        Column::new(Side::Left, "DESCRIPTION", descriptions.map(Cell::new)),
    ])
}

fn targets(graph: &PipelineGraph, id: u32) -> String {
    let edges = graph.edges().iter().filter(|edge| edge.src_id == id);
    let targets: Vec<_> = edges
        .map(|edge| match edge.edge_type.as_str() {
            // The usual way: each subtask to the one that follows it.
            "" | "Forward" => edge.dest_id.to_string(),
            how => format!(
                "{} ({})",
                edge.dest_id,
                printable::line(&how.to_lowercase())
            ),
        })
        .collect();
    if targets.is_empty() {
        "-".to_owned()
    } else {
        targets.join(", ")
    }
}
