//! Reading the list for the inventory, one at a time.

use std::num::NonZeroU32;

use stepwell_arroyo::{Client, ClientError, PipelineRow};

use super::{
    Inventory,
    ledger::{Ledger, Newest},
};
use crate::{
    context::Context,
    error::Error,
    observer::Step,
    resolution::{Action, ResolveError},
    spec::PipelineSpec,
    time_limit::TimeLimit,
};

/// So many rows are asked for beyond those that are known: what came to be since, and some older ones, by which a clock that was set back
/// is noticed.
const MORE: u32 = 20;

impl Inventory {
    /// Sees to it that what is known was read after this call: the newest, or the whole. Tells whether it was the whole.
    ///
    /// One reads for all who wait. One that is given up or fails leaves the place to the next.
    pub(super) async fn refresh(
        &self,
        context: &Context,
        spec: &PipelineSpec,
        limit: &TimeLimit,
        whole: bool,
    ) -> Result<bool, Error> {
        let ledger = &self.shared.ledger;
        let asked = ledger.readings().now();
        context
            .read(Step::Resolve, limit, |client| async move {
                // For one try alone: while one that has failed pauses, the others need not. When the time is over it reads without a
                // turn: what that fails with is the answer.
                let turn = tokio::time::timeout(limit.remaining(), self.shared.turn.lock()).await;
                if ledger.readings().is_read_since(asked, whole) {
                    return Ok(());
                }
                let read = self.read(client, limit, whole).await;
                drop(turn);
                read
            })
            .await
            .map_err(|error| ResolveError::unanswered(Action::Find, spec.name(), limit, error))?;
        Ok(ledger.readings().is_read_since(asked, true))
    }

    async fn read(
        &self,
        client: Client,
        limit: &TimeLimit,
        whole: bool,
    ) -> Result<(), ClientError> {
        let ledger: &Ledger = &self.shared.ledger;
        let left = || limit.for_a_request();
        let keep = |row: &PipelineRow<'_>| Ok(ledger.keep(row));
        if let Some(Newest { since, known }) = ledger.newest().filter(|_| !whole) {
            let begun = ledger.begin();
            let (rows, is_whole) = client
                .read_pipelines_since(since, page_of(known), left, keep)
                .await?;
            if ledger.take(begun, rows, is_whole) {
                return Ok(());
            }
        }
        let begun = ledger.begin();
        let rows = client.read_pipelines(left, keep).await?;
        ledger.take(begun, rows, true);
        Ok(())
    }
}

/// A page that shows those that are known, what may have come to be since, and where it ends.
fn page_of(known: usize) -> NonZeroU32 {
    let known = u32::try_from(known).unwrap_or(u32::MAX);
    let rows = known.saturating_add(known / 4).saturating_add(MORE);
    NonZeroU32::new(rows.min(10_000)).unwrap_or(NonZeroU32::MIN)
}
