//! Properties of every list, however it changes while it is read.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    super::*,
    listing::{Change, Listing},
    rows,
};
use crate::{ClientErrorKind, Pipeline};

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => (0_usize..30).prop_map(Change::DeleteAt),
        3 => Just(Change::DeleteCursor),
        1 => any::<bool>().prop_map(|later| Change::Create { later }),
        2 => Just(Change::CreateAnew),
    ]
}

/// Only a few moments, so that many rows share one.
fn times() -> impl Strategy<Value = Vec<u64>> {
    (1_u64..12).prop_flat_map(|span| prop::collection::vec(1..=span, 0..30))
}

/// Failing cases are shown completely, so none is stored in a file.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn read_whole(listing: &Listing, limit: u32) -> Result<Vec<Pipeline>, ClientError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(listing.pipelines_by(limit))
}

/// Each id once, newest first.
fn check_order(pipelines: &[Pipeline]) -> Result<(), TestCaseError> {
    let ids: BTreeSet<_> = pipelines.iter().map(|pipeline| &pipeline.id).collect();
    prop_assert_eq!(ids.len(), pipelines.len());
    let is_sorted = pipelines.is_sorted_by(|one, next| one.created_at >= next.created_at);
    prop_assert!(is_sorted, "{:?}", pipelines);
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    /// A successful reading proves absence: it contains every row that was there all the time.
    #[test]
    fn what_is_there_throughout_is_met(
        times in times(),
        limit in 1_u32..8,
        cap in prop::option::of(1_usize..8),
        mixes_ties: bool,
        changes in prop::collection::vec((1_usize..12, change()), 0..8),
    ) {
        let before = rows(times);
        let listing = Listing::new(before.clone()).with(|state| {
            state.cap = cap;
            state.mixes_ties = mixes_ties;
            state.changes = changes;
        });
        match read_whole(&listing, limit) {
            Ok(pipelines) => {
                check_order(&pipelines)?;
                let after = listing.rows();
                for row in before.iter().filter(|row| after.contains(row)) {
                    let is_met = pipelines.iter().any(|pipeline| pipeline.id.as_str() == row.0);
                    prop_assert!(is_met, "{row:?} of {after:?} is not in {pipelines:?}");
                }
            }
            Err(error) => prop_assert!(matches!(error.kind(), ClientErrorKind::Paging { .. }), "{error}"),
        }
        prop_assert!(listing.requests().len() <= READINGS * PAGES);
    }

    #[test]
    fn a_list_that_stays_is_read_as_it_is(
        times in times(),
        limit in 1_u32..8,
        cap in prop::option::of(1_usize..12),
        mixes_ties: bool,
    ) {
        let listing = Listing::new(rows(times)).with(|state| {
            state.cap = cap;
            state.mixes_ties = mixes_ties;
        });
        let read = read_whole(&listing, limit);
        let rows = listing.rows();
        let mut moments = BTreeMap::<u64, usize>::new();
        for (_, created_at) in &rows {
            *moments.entry(*created_at).or_default() += 1;
        }
        // A moment that exactly fills the largest page looks like one that continues.
        let fits = cap.is_none_or(|cap| moments.values().all(|count| *count < cap));
        match read {
            Ok(pipelines) => {
                check_order(&pipelines)?;
                let read: BTreeSet<_> = pipelines.iter().map(|pipeline| pipeline.id.as_str()).collect();
                prop_assert_eq!(read, rows.iter().map(|(id, _)| id.as_str()).collect());
            }
            Err(error) => prop_assert!(!fits, "{error}"),
        }
    }
}
