//! Finding the pipeline of a spec in the inventory.

use std::cmp::Reverse;

use stepwell_arroyo::{Pipeline, PipelineId};

use super::{Inventory, ledger::Snapshot};
use crate::{
    context::Context,
    error::Error,
    observer::Step,
    poll::is_gone,
    resolution::{
        Action, PipelineSummary, ResolveError,
        decide::{Likeness, Rest, given, ids_of_runs, only_resumes},
        listed_ids::ListedIds,
    },
    spec::PipelineSpec,
    time_limit::TimeLimit,
};

/// What has to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// What resumes or creates, and the other pipelines only where they can refuse it.
    Matches,
    /// And all the other pipelines, as they are now: what refuses.
    Others,
}

impl Demand {
    /// Whether the other pipelines have to be known for this spec.
    pub(crate) fn includes_others(self, spec: &PipelineSpec) -> bool {
        self == Self::Others || !spec.force() || only_resumes(spec)
    }
}

/// What the server holds, as it bears on one spec.
pub(crate) struct Found {
    pub(crate) matches: Vec<Pipeline>,
    pub(crate) rest: Rest,
    /// A match that was listed a moment ago and is not shown.
    pub(crate) in_doubt: Option<PipelineSummary>,
    /// Whether a refusal can rest on it.
    pub(crate) has_others: bool,
}

/// What became of a candidate.
enum Looked {
    There(Box<Pipeline>),
    Gone,
    /// It was listed a moment ago and is not shown.
    InDoubt,
}

impl Inventory {
    pub(crate) async fn find(
        &self,
        context: &Context,
        spec: &PipelineSpec,
        limit: &TimeLimit,
        demand: Demand,
    ) -> Result<Found, Error> {
        let ledger = &self.shared.ledger;
        let wants_others = demand == Demand::Others;
        let is_whole = self.refresh(context, spec, limit, wants_others).await?;
        let (ids, snapshot) = candidates(ledger.with_query(spec.query()), spec);
        let mut found = Found {
            matches: Vec::new(),
            rest: Rest::new(ListedIds::Inventory(snapshot)),
            in_doubt: None,
            has_others: false,
        };
        for id in ids {
            match self.look(context, spec, limit, &id).await? {
                Looked::There(pipeline) => found.meet(*pipeline, spec)?,
                Looked::Gone => found.rest.note_gone(id),
                Looked::InDoubt => {
                    found.in_doubt = Some(ledger.summary(&id));
                    found.rest.note_gone(id);
                }
            }
        }
        let may_refuse = Demand::Matches.includes_others(spec);
        found.has_others = is_whole && (wants_others || found.matches.is_empty() && may_refuse);
        if found.has_others || !spec.force() {
            self.add_others(context, spec, &mut found);
        }
        Ok(found)
    }

    /// Reads a candidate by its id: only the whole query tells whether it is one.
    async fn look(
        &self,
        context: &Context,
        spec: &PipelineSpec,
        limit: &TimeLimit,
        id: &PipelineId,
    ) -> Result<Looked, Error> {
        let read = context.read(Step::Resolve, limit, |client| async move {
            client.pipeline(id).await
        });
        match read.await {
            Ok(pipeline) => Ok(Looked::There(Box::new(pipeline))),
            Err(error) if is_gone(&error) && self.shared.ledger.is_gone(id) => Ok(Looked::Gone),
            Err(error) if is_gone(&error) => Ok(Looked::InDoubt),
            Err(error) => {
                Err(ResolveError::unanswered(Action::Find, spec.name(), limit, error).into())
            }
        }
    }

    /// Adds the other pipelines; where they need not be complete, the first that is not ours says enough.
    fn add_others(&self, context: &Context, spec: &PipelineSpec, found: &mut Found) {
        let ledger = &self.shared.ledger;
        let server = context.server();
        let registry = context.ticket.registry();
        let mut rows = ledger.rows();
        if found.has_others {
            rows.sort_by_key(|row| Reverse(row.created_at));
        }
        for row in rows {
            let shown = ledger.shown(&row);
            let is_same = shown.query.is(spec.query());
            let is_match = given(spec).map_or(is_same, |id| row.id == *id);
            if is_match {
                continue;
            }
            let likeness = match is_same {
                true => Likeness::Same,
                false if ledger.is_near(&row, spec.query()) => Likeness::Near,
                false => Likeness::None,
            };
            let is_ours = registry.is_ours(server, shown);
            let summary = PipelineSummary {
                id: row.id.clone(),
                name: row.name().to_owned(),
            };
            found.rest.add(summary, is_ours, likeness);
            if !found.has_others && !is_ours {
                break;
            }
        }
    }
}

impl Found {
    fn meet(&mut self, pipeline: Pipeline, spec: &PipelineSpec) -> Result<(), ResolveError> {
        let is_same = pipeline.query == spec.query();
        // Previews end with whoever looks at them.
        if pipeline.preview {
            return Ok(());
        }
        match given(spec) {
            Some(id) if pipeline.id == *id && !is_same => Err(ResolveError::Conflict {
                id: pipeline.id,
                name: pipeline.name,
            }),
            Some(id) if pipeline.id != *id => Ok(()),
            None if !is_same => Ok(()),
            _ => {
                self.matches.push(pipeline);
                Ok(())
            }
        }
    }
}

/// The pipelines that may be matches, or take an id that a new one could get: none of them is believed to be there still.
fn candidates(
    (with_query, snapshot): (Vec<PipelineId>, Snapshot),
    spec: &PipelineSpec,
) -> (Vec<PipelineId>, Snapshot) {
    let mut ids = match given(spec) {
        Some(id) if snapshot.holds(id) => vec![id.clone()],
        Some(_) => Vec::new(),
        None => with_query,
    };
    let taken: Vec<_> = ids_of_runs(spec)
        .take_while(|id| snapshot.holds(id))
        .filter(|id| !ids.contains(id))
        .collect();
    ids.extend(taken);
    (ids, snapshot)
}
