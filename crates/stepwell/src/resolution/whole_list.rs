//! Finding the pipeline of a spec in the list, read for one submission.

use stepwell_arroyo::PipelineRow;

use super::{
    Action, ResolveError,
    decide::{Bearing, Listing},
};
use crate::{
    context::Context,
    error::Error,
    inventory::{Demand, Found},
    observer::Step,
    spec::PipelineSpec,
    time_limit::TimeLimit,
};

/// Reads the whole list for this submission alone.
pub(crate) async fn find(
    context: &Context,
    spec: &PipelineSpec,
    limit: &TimeLimit,
    demand: Demand,
) -> Result<Found, Error> {
    let server = context.server();
    let registry = context.ticket.registry();
    let keep =
        |row: &PipelineRow<'_>| Bearing::of(row, spec, demand, |row| registry.is_ours(server, row));
    let pipelines = context
        .read(Step::Resolve, limit, |client| async move {
            client.read_pipelines(|| limit.for_a_request(), keep).await
        })
        .await
        .map_err(|error| ResolveError::unanswered(Action::Find, spec.name(), limit, error))?;
    let pipelines = pipelines.into_iter().map(|row| (row.id, row.kept));
    let (matches, rest) = Listing::new(pipelines).matches(spec)?;
    Ok(Found {
        matches,
        rest,
        in_doubt: None,
        has_others: demand.includes_others(spec),
    })
}
