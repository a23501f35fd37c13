//! Reading lists to their end.
//!
//! The server's cursor means "created before `starting_after`". On SQLite `created_at` has a resolution of one second, so rows that
//! were created in the same second as the last row of a page are skipped by the next one (recordings `420_fast_list_all`, `421_fast_list_limit_2`). And a cursor whose row
//! has been deleted gives an empty page that claims to be the last. Only a reading that excludes both proves that something is absent.

use std::{cmp::Reverse, collections::BTreeSet, num::NonZeroU32, time::Duration};

use super::Client;
use crate::{ClientError, Page, Pipeline, PipelineId};

/// A page that holds all pipelines of most servers. A real Arroyo takes it; 4294967295 makes it panic.
const FIRST_LIMIT: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// The largest page that is asked for when all rows of one share their `created_at`.
const LARGEST_LIMIT: u32 = 1_000_000;

/// So many pages of a list are read.
const PAGES: usize = 1_000;

/// So often a doubtful reading is repeated.
const READINGS: usize = 5;

/// How long the next page may take.
type Left<'a> = &'a (dyn Fn() -> Duration + Send + Sync);

pub(super) async fn all_pipelines(
    client: &Client,
    left: Left<'_>,
) -> Result<Vec<Pipeline>, ClientError> {
    all_pipelines_by(client, FIRST_LIMIT, left).await
}

async fn all_pipelines_by(
    client: &Client,
    first_limit: NonZeroU32,
    left: Left<'_>,
) -> Result<Vec<Pipeline>, ClientError> {
    let mut before: Option<BTreeSet<(PipelineId, u64)>> = None;
    for _ in 0..READINGS {
        let reading = read(client, first_limit, left).await?;
        if !reading.doubtful {
            return Ok(reading.pipelines);
        }
        // With the time: a cursor that was deleted may be back under its id, as another pipeline.
        let rows = reading
            .pipelines
            .iter()
            .map(|pipeline| (pipeline.id.clone(), pipeline.created_at))
            .collect();
        if before.as_ref() == Some(&rows) {
            return Ok(reading.pipelines);
        }
        before = Some(rows);
    }
    Err(client.paging_error("the list changes faster than it can be read; try again"))
}

struct Reading {
    pipelines: Vec<Pipeline>,
    /// A page did not show again what it should have: its cursor may have been deleted.
    doubtful: bool,
}

async fn read(
    client: &Client,
    mut limit: NonZeroU32,
    left: Left<'_>,
) -> Result<Reading, ClientError> {
    let mut reading = Reading {
        pipelines: Vec::new(),
        doubtful: false,
    };
    let mut ids = BTreeSet::new();
    let mut cursor: Option<PipelineId> = None;
    // The row that the next page must show again.
    let mut overlap: Option<PipelineId> = None;
    for _ in 0..PAGES {
        let Page { data, has_more } = client
            .within(client.timeout.min(left()))
            .pipelines_page(limit, cursor.as_ref())
            .await?;
        if let Some(overlap) = &overlap {
            reading.doubtful |= !data.iter().any(|pipeline| pipeline.id == *overlap);
        }
        let border = has_more.then(|| border(&data)).flatten();
        let known = ids.len();
        for pipeline in data {
            if ids.insert(pipeline.id.clone()) {
                reading.pipelines.push(pipeline);
            }
        }
        if !has_more {
            // A later page may have begun with what came to be after an earlier one.
            let newest_first = |pipeline: &Pipeline| Reverse(pipeline.created_at);
            reading.pipelines.sort_by_key(newest_first);
            return Ok(reading);
        }
        match border {
            None => {
                return Err(client.paging_error("a page is empty and claims that more follow"));
            }
            Some(Border::Before { cursor: next, last }) => {
                if ids.len() == known {
                    return Err(client.paging_error("its cursor does not move"));
                }
                cursor = Some(next);
                overlap = Some(last);
            }
            // All rows of the page are of one moment: only a larger page shows what is behind them.
            Some(Border::OneMoment) => {
                let larger = limit.get().saturating_mul(10);
                limit = NonZeroU32::new(larger).filter(|limit| limit.get() <= LARGEST_LIMIT).ok_or_else(|| {
                    let problem = "more pipelines were created in the same moment than a page holds, or its cursor does not move";
                    client.paging_error(problem)
                })?;
            }
        }
    }
    Err(client.paging_error("it does not end after 1,000 pages"))
}

enum Border {
    /// The last row that is newer than the trailing rows of one moment, and the last row itself.
    Before {
        cursor: PipelineId,
        last: PipelineId,
    },
    OneMoment,
}

fn border(page: &[Pipeline]) -> Option<Border> {
    let last = page.last()?;
    let newer = page
        .iter()
        .rev()
        .find(|pipeline| pipeline.created_at != last.created_at);
    Some(match newer {
        Some(newer) => Border::Before {
            cursor: newer.id.clone(),
            last: last.id.clone(),
        },
        None => Border::OneMoment,
    })
}

#[cfg(test)]
mod tests;
