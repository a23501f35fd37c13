//! Decides from what the server holds: resume a pipeline, create one, or refuse. An id decides if the spec and the server allow it
//! ([`by_id`]), and otherwise the list ([`by_list`], which is pure).

mod by_id;
pub(super) mod by_list;

use stepwell_arroyo::{Job, Pipeline, PipelineRow};

pub(super) use self::by_list::Decision;
use self::by_list::{Listing, Others, Relation};
use super::{
    Action, PipelineSummary, ResolveError,
    attempt::is_given_by_servers,
    job::{JobOf, job_of},
};
use crate::{
    error::Error,
    observe::Step,
    session::{
        Deadline, Session,
        retry::{GONE_AFTER, Request},
    },
    spec::PipelineSpec,
};

/// Reads what the server holds and decides. With `names_others` the decision names all other pipelines, even if they do not matter for it.
pub(crate) async fn decide(
    session: &Session,
    spec: &PipelineSpec,
    deadline: &Deadline,
    names_others: bool,
) -> Result<Decision, Error> {
    if let Some(decision) = by_id::decide(session, spec, deadline).await? {
        return Ok(decision);
    }
    // A match without a job was deleted, or that answer came from a lagging node: only a list without the match proves that it was deleted.
    let disagreement = deadline.within(GONE_AFTER);
    let mut pace = session.requester.poll_pace();
    let memory = session.requester.memory();
    let mut has_put = memory.has_put();
    loop {
        let listed = list(session, spec, deadline, names_others, has_put).await?;
        let has_stand_in = listed.others.has_stand_in();
        match listed
            .in_doubt
            .filter(|_| disagreement.elapsed() < GONE_AFTER)
        {
            None => {
                let decision = listed.others.decide(spec, listed.matches);
                // As with an id that is looked for alone, a refusal has to hold on a server without `PUT` too, until it is known to have it.
                if decision.is_err() && has_stand_in && !memory.surely_has_put() {
                    has_put = false;
                    continue;
                }
                return Ok(decision?);
            }
            Some(existing) if deadline.is_over() => Err(ResolveError::Vanished { existing })?,
            Some(_) => {}
        }
        disagreement
            .sleep(pace.pause(&session.requester.jitter))
            .await;
    }
}

struct WithJobs {
    matches: Vec<(Pipeline, Option<Box<Job>>)>,
    others: Others,
    /// A match for which the server shows no job.
    in_doubt: Option<PipelineSummary>,
}

async fn list(
    session: &Session,
    spec: &PipelineSpec,
    deadline: &Deadline,
    names_others: bool,
    has_put: bool,
) -> Result<WithJobs, Error> {
    let (matches, mut others) = read_list(session, spec, deadline, names_others, has_put).await?;
    let mut in_doubt = None;
    let mut with_jobs = Vec::with_capacity(matches.len());
    for pipeline in matches {
        match job_of(session, &pipeline, deadline).await? {
            JobOf::Job(job) => with_jobs.push((pipeline, job)),
            JobOf::Gone => {
                in_doubt.get_or_insert_with(|| PipelineSummary::new(&pipeline));
                others.note_gone(pipeline.id);
            }
        }
    }
    Ok(WithJobs {
        matches: with_jobs,
        others,
        in_doubt,
    })
}

/// Reads the whole list, and sorts it into the matches and the rest.
async fn read_list(
    session: &Session,
    spec: &PipelineSpec,
    deadline: &Deadline,
    names_others: bool,
    has_put: bool,
) -> Result<(Vec<Pipeline>, Others), Error> {
    let server = session.requester.server();
    let registry = session.ticket.registry();
    let memory = session.requester.memory();
    let keep = |row: &PipelineRow<'_>| {
        if !is_given_by_servers(&row.id) {
            memory.put_was_seen();
        }
        let is_ours = |row: &PipelineRow<'_>| registry.is_ours(server, row);
        Relation::of(row, spec, names_others, has_put, is_ours)
    };
    let pipelines = session
        .requester
        .call(
            Request::Read,
            Step::Resolve,
            deadline,
            |client| async move {
                client
                    .read_pipelines(|| deadline.for_a_request(), keep)
                    .await
            },
        )
        .await
        .map_err(|error| ResolveError::unanswered(Action::Find, spec.name(), deadline, error))?;
    let pipelines = pipelines.into_iter().map(|row| (row.id, row.kept));
    Ok(Listing::new(pipelines).matches(spec)?)
}
