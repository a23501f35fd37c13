//! Finds out what became of a create whose reply was lost.

use std::{sync::Arc, time::Duration};

use stepwell_arroyo::{Client, ClientError, Pipeline, PipelineId, PipelineRow};

use super::attempt::{CreateAttempt, Sent};
use crate::{
    session::{
        Deadline, Requester,
        retry::{Backoff, Next, Request, is_gone},
    },
    shutdown::registry::{Registry, entry::EntryId},
};

/// What became of a create.
#[derive(Debug)]
pub(crate) enum SettleOutcome {
    /// The pipeline exists.
    Found(Box<Pipeline>),
    /// A pipeline with a different query has the chosen id.
    Conflict(Box<Pipeline>),
    /// Several pipelines may be the result of the create.
    Ambiguous(Vec<Pipeline>),
    /// It has not appeared in time, but still may.
    Absent,
    /// The lookups failed until the end.
    Failed(ClientError),
}

/// Which pipelines other submissions under the same shutdown have claimed for their creates. If the server chooses the ids, identical
/// pipelines cannot be told apart, and one must not stand for two creates.
#[derive(Clone, Copy)]
pub(crate) struct Claims<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) server: &'a Arc<str>,
    pub(crate) by: EntryId,
}

impl Claims<'_> {
    fn are_another(self, id: &PipelineId) -> bool {
        self.registry.is_claimed(self.server, id, self.by)
    }

    fn another_is_under_way(self, attempt: &CreateAttempt) -> bool {
        self.registry
            .is_another_under_way(self.server, attempt, self.by)
    }

    fn claim(self, id: &PipelineId) -> bool {
        self.registry.claim(self.server, id, self.by)
    }
}

/// Polls until the pipeline of `attempt` appears or the deadline is over.
pub(crate) async fn settle(
    requester: &Requester,
    attempt: &CreateAttempt,
    claims: Claims<'_>,
    deadline: Deadline,
) -> SettleOutcome {
    let mut pace = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    loop {
        let permit = requester.permit(&deadline).await;
        let client = requester.client_within(&deadline);
        let looked = look(&client, attempt, claims, &deadline).await;
        drop(permit);
        let (settled, asked) = match looked {
            Ok(SettleOutcome::Absent) => (SettleOutcome::Absent, None),
            Ok(settled) => return settled,
            Err(error) if Request::Find.next(&error) == Next::GiveUp => {
                return SettleOutcome::Failed(error);
            }
            Err(error) => {
                let asked = error.retry_after();
                (SettleOutcome::Failed(error), asked)
            }
        };
        if deadline.is_over() {
            return settled;
        }
        deadline.sleep(pace.retry(asked, &requester.jitter)).await;
    }
}

/// Looks once.
pub(crate) async fn look(
    client: &Client,
    attempt: &CreateAttempt,
    claims: Claims<'_>,
    deadline: &Deadline,
) -> Result<SettleOutcome, ClientError> {
    match (attempt.id(), attempt.sent) {
        (Some(id), Sent::Put | Sent::Nothing) => match client.pipeline(id).await {
            Ok(pipeline) if attempt.is_for(&pipeline) => {
                // Claimed so that no `POST` takes it for its own; of several submissions with this id, the first one claims it.
                claims.claim(&pipeline.id);
                Ok(SettleOutcome::Found(Box::new(pipeline)))
            }
            Ok(pipeline) => Ok(SettleOutcome::Conflict(Box::new(pipeline))),
            Err(error) if is_gone(&error) => Ok(SettleOutcome::Absent),
            Err(error) => Err(error),
        },
        // The pipeline may be that of a create whose reply is still on its way.
        _ if claims.another_is_under_way(attempt) => Ok(SettleOutcome::Absent),
        _ => {
            let keep = |row: &PipelineRow<'_>| {
                let may_be = attempt.may_have_made(row) && !claims.are_another(&row.id);
                may_be.then(|| row.to_pipeline()).transpose()
            };
            let listed = client
                .read_pipelines(|| deadline.for_a_request(), keep)
                .await?;
            let mut new: Vec<_> = listed.into_iter().filter_map(|row| row.kept).collect();
            Ok(match (new.pop(), new.is_empty()) {
                (None, _) => SettleOutcome::Absent,
                // Its create may have begun, and shown in the list, after the question above.
                _ if claims.another_is_under_way(attempt) => SettleOutcome::Absent,
                // Another submission of the same spec has just claimed it.
                (Some(pipeline), true) if !claims.claim(&pipeline.id) => SettleOutcome::Absent,
                (Some(pipeline), true) => SettleOutcome::Found(Box::new(pipeline)),
                (Some(pipeline), false) => {
                    new.push(pipeline);
                    SettleOutcome::Ambiguous(new)
                }
            })
        }
    }
}
