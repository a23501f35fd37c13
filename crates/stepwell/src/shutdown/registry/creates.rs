//! Creates of one spec by several submissions: what one has left in doubt, another one settles before it sends its own.

use super::{
    Inner, Registry,
    entry::{EntryId, Target},
};
use crate::{
    resolve::attempt::{CreateAttempt, Sent},
    spec::{FindBy, Identity, PipelineSpec},
};

/// A create that another submission has sent.
pub(crate) struct CreateInDoubt {
    pub(crate) id: EntryId,
    pub(crate) attempt: CreateAttempt,
    /// Whether its submission was dropped.
    pub(crate) is_orphan: bool,
    pub(crate) is_under_way: bool,
}

/// Whether a pipeline that has the name and the query, and whatever id, is the one that the spec means, also on a server with `PUT`.
fn finds_any(spec: &PipelineSpec) -> bool {
    match spec.identity() {
        Identity::ServerAssigned => true,
        Identity::Given(_) => false,
        Identity::FromSpec { .. } => spec.find_by() == FindBy::Query,
    }
}

impl Inner {
    pub(super) fn create_in_doubt(
        &self,
        server: &str,
        spec: &PipelineSpec,
        has_put: bool,
        than: EntryId,
    ) -> Option<CreateInDoubt> {
        let mut attempts = self.attempts(server);
        let (id, entry, attempt) = attempts.find(|(by, entry, other)| {
            let counts = match other.sent {
                Sent::Nothing => false,
                Sent::Put => {
                    !has_put || other.spec.identity() != spec.identity() && finds_any(spec)
                }
                Sent::Post => true,
            };
            *by != than && counts && entry.refused.is_none() && other.asks_for(spec)
        })?;
        Some(CreateInDoubt {
            id,
            attempt: attempt.clone(),
            is_orphan: entry.is_orphan,
            is_under_way: entry.writes > 0,
        })
    }

    /// Whether another create of the spec has made a pipeline since the list was read from which this one was decided.
    pub(super) fn was_made_since(&self, server: &str, attempt: &CreateAttempt) -> bool {
        let Some(read_at) = attempt.read_at() else {
            return false;
        };
        let of_server = self.servers.get(server);
        let dropped = of_server.into_iter().flat_map(|server| &server.made);
        let entries = self.entries.values();
        let entries = entries.filter(|entry| **entry.requester.server() == *server);
        let mut made = entries
            .filter_map(|entry| entry.made.as_ref())
            .chain(dropped);
        made.any(|(spec, at)| *at >= read_at && attempt.asks_for(spec))
    }
}

impl Registry {
    /// A create of the same spec that is under way or in doubt. A `PUT` that is repeated under its id makes no second pipeline, so it is left
    /// out if the server `has_put`.
    pub(crate) fn create_in_doubt(
        &self,
        server: &str,
        spec: &PipelineSpec,
        has_put: bool,
        than: EntryId,
    ) -> Option<CreateInDoubt> {
        self.lock().create_in_doubt(server, spec, has_put, than)
    }

    /// Records that a create has made nothing: another pipeline has its id.
    pub(crate) fn made_nothing(&self, id: EntryId) {
        let mut inner = self.lock();
        if let Some(attempt) = inner.attempt(id) {
            let sent = Sent::Nothing;
            let attempt = CreateAttempt {
                sent,
                ..attempt.clone()
            };
            inner.set_target(id, Target::Attempted(attempt));
        }
    }
}
