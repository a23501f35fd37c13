//! `stepwell validate`.

use std::path::PathBuf;

use stepwell::{
    SharedTransport,
    arroyo::{Client, PipelineGraph},
};

use crate::{
    arguments::ValidateArguments,
    diagnostic::NamedQuery,
    exit::Exit,
    failure::Failure,
    output::Output,
    printable, query, standard_output,
    table::{self, Cell, Column, Side},
};

pub(crate) async fn validate(
    arguments: ValidateArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    let query = read(arguments.query.file, output.clone()).await?;
    let udfs = query::read_udfs(&arguments.query.udf)?;
    match arguments.connection.transport()? {
        Some(transport) => check(transport, query, &udfs, output).await,
        None => on_engine(query, &udfs, output).await,
    }
}

/// Reads the query on another thread, because standard input may block for ever and a signal must still end the command.
pub(super) async fn read(file: PathBuf, output: Output) -> Result<NamedQuery, Failure> {
    let reading = tokio::task::spawn_blocking(move || query::read(&file, &output));
    match reading.await {
        Ok(read) => read,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(feature = "embedded")]
async fn on_engine(
    query: NamedQuery,
    udfs: &[stepwell::arroyo::Udf],
    output: &Output,
) -> Result<Exit, Failure> {
    use crate::{engine::EmbeddedEngine, state_directory};

    let directory = Temporary(state_directory::fresh("validate")?);
    let engine = EmbeddedEngine::start_idle(directory.0.clone()).await?;
    let result = check(engine.transport.clone(), query, udfs, output).await;
    let closed = engine.close().await;
    let exit = result?;
    closed?;
    Ok(exit)
}

/// A directory that is removed on drop, so that it also goes when a signal ends the command. It only holds an empty database.
#[cfg(feature = "embedded")]
struct Temporary(PathBuf);

#[cfg(feature = "embedded")]
impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(not(feature = "embedded"))]
async fn on_engine(
    _query: NamedQuery,
    _udfs: &[stepwell::arroyo::Udf],
    _output: &Output,
) -> Result<Exit, Failure> {
    Err(Failure::NoServer)
}

async fn check(
    transport: SharedTransport,
    query: NamedQuery,
    udfs: &[stepwell::arroyo::Udf],
    output: &Output,
) -> Result<Exit, Failure> {
    let client = Client::new(transport);
    let validation = client.validate(&query.text, udfs).await?;
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
            query,
            diagnostics: validation.errors,
        }),
    }
}

/// The operators as a table, each with the operators that its rows go to and how they are partitioned.
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
            // The usual case: each subtask sends its rows to one subtask of the next operator.
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
