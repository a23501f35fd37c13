//! Finding the pipeline of a spec in the list.

use stepwell_arroyo::{Pipeline, PipelineRow};

use super::{
    Action, ResolveError,
    decide::{Bearing, Listing, Rest},
};
use crate::{
    context::Context, error::Error, observer::Step, spec::PipelineSpec, time_limit::TimeLimit,
};

/// Reads the whole list, and sorts it into the matches and the rest.
pub(crate) async fn find(
    context: &Context,
    spec: &PipelineSpec,
    limit: &TimeLimit,
    names_others: bool,
) -> Result<(Vec<Pipeline>, Rest), Error> {
    let server = context.server();
    let registry = context.ticket.registry();
    let keep = |row: &PipelineRow<'_>| {
        Bearing::of(row, spec, names_others, |row| registry.is_ours(server, row))
    };
    let pipelines = context
        .read(Step::Resolve, limit, |client| async move {
            client.read_pipelines(|| limit.for_a_request(), keep).await
        })
        .await
        .map_err(|error| ResolveError::unanswered(Action::Find, spec.name(), limit, error))?;
    let pipelines = pipelines.into_iter().map(|row| (row.id, row.kept));
    Ok(Listing::new(pipelines).matches(spec)?)
}
