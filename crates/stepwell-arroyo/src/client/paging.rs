//! Reading a list to its end.
//!
//! The server's cursor means "created before `starting_after`". On SQLite `created_at` has a resolution of one second, so the next page
//! skips rows that were created in the same second as the last row of a page (recordings `420_fast_list_all`, `421_fast_list_limit_2`).
//! A cursor whose row has been deleted gives an empty page that claims to be the last. A pipeline is only known to be absent if neither
//! happened.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    num::NonZeroU32,
    time::Duration,
};

use stepwell_transport::TransportErrorKind;

use super::Client;
use crate::{ClientError, JsonError, PipelineId, PipelineRow};

/// The limit of the first page, which holds all pipelines of most servers. A real Arroyo accepts it; 4294967295 makes it panic.
pub(super) const FIRST_LIMIT: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// The minimum limit, for servers on which larger pages have too many bytes.
const SMALLEST_LIMIT: u32 = 10;

/// The initial capacity of a reading.
const FEW: usize = 14;

/// The maximum limit, for pages on which all rows have the same `created_at`.
const LARGEST_LIMIT: u32 = 1_000_000;

/// The maximum number of pages in a reading.
const PAGES: usize = 1_000;

/// The maximum number of readings.
const READINGS: usize = 5;

/// Returns how long the next page may take.
type Left<'a> = &'a (dyn Fn() -> Duration + Send + Sync);

/// Returns what is kept of a row.
type Keep<'a, T> = &'a mut (dyn FnMut(&PipelineRow<'_>) -> Result<T, JsonError> + Send);

/// A pipeline in a list, with what was kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed<T> {
    /// Its id.
    pub id: PipelineId,
    /// When it was created, in microseconds of Unix time; on SQLite to the second.
    pub created_at: u64,
    /// What was kept.
    pub kept: T,
}

/// Reads the list to its end, newest first. The first page has up to `limit` rows.
pub(super) async fn read<T: Send>(
    client: &Client,
    mut limit: NonZeroU32,
    left: Left<'_>,
    keep: Keep<'_, T>,
) -> Result<Vec<Listed<T>>, ClientError> {
    let mut before: Option<BTreeSet<(PipelineId, u64)>> = None;
    for _ in 0..READINGS {
        let mut reading = Reading::new(keep);
        reading.read(client, &mut limit, left).await?;
        let is_doubtful = reading.is_doubtful;
        let rows = reading.rows();
        if !is_doubtful {
            return Ok(rows);
        }
        // The time is compared too, because a deleted id can be taken by another pipeline.
        let now = rows
            .iter()
            .map(|row| (row.id.clone(), row.created_at))
            .collect();
        if before.as_ref() == Some(&now) {
            return Ok(rows);
        }
        before = Some(now);
    }
    Err(client.paging_error("the list changes faster than it can be read; try again"))
}

/// One reading of the list, from its beginning.
struct Reading<'a, T> {
    keep: Keep<'a, T>,
    /// In the order in which they were read.
    kept: Vec<(u64, T)>,
    /// The index of each in `kept`.
    places: HashMap<PipelineId, usize>,
    /// Whether a page did not repeat the row that it should have, so that its cursor may have been deleted.
    is_doubtful: bool,
}

/// What is known of a page, by the indices of its rows.
#[derive(Default)]
struct PageRows {
    last: Option<(usize, u64)>,
    /// The last row before the trailing rows with the same `created_at`.
    newer: Option<usize>,
    /// Whether the row was there that this page had to repeat.
    overlaps: bool,
}

/// Where the next page begins.
#[derive(Default)]
struct Cursor {
    after: Option<PipelineId>,
    /// The index of the row that the next page must repeat.
    overlap: Option<usize>,
}

impl<'a, T: Send> Reading<'a, T> {
    fn new(keep: Keep<'a, T>) -> Self {
        Self {
            keep,
            kept: Vec::with_capacity(FEW),
            places: HashMap::with_capacity(FEW),
            is_doubtful: false,
        }
    }

    /// Reads the list to its end. Lowers `first_limit` if a page has too many bytes, so that the next reading begins with the smaller limit.
    async fn read(
        &mut self,
        client: &Client,
        first_limit: &mut NonZeroU32,
        left: Left<'_>,
    ) -> Result<(), ClientError> {
        let mut limit = *first_limit;
        // The limit of a page whose rows all had the same `created_at`. A smaller one would fail in the same way.
        let mut too_small = None;
        let mut cursor = Cursor::default();
        for _ in 0..PAGES {
            let known = self.kept.len();
            let mut shown = PageRows::default();
            let page = client
                .within(client.timeout.min(left()))
                .pipeline_rows(limit, cursor.after.as_ref(), &mut |row| {
                    self.add(row, cursor.overlap, &mut shown)
                })
                .await;
            let has_more = match page {
                Ok(has_more) => has_more,
                Err(error) => {
                    limit = smaller(limit, too_small, error)?;
                    *first_limit = limit.min(*first_limit);
                    continue;
                }
            };
            self.is_doubtful |= cursor.overlap.is_some() && !shown.overlaps;
            if !has_more {
                return Ok(());
            }
            let Some((last, _)) = shown.last else {
                return Err(client.paging_error("a page is empty and claims that more follow"));
            };
            if let Some(newer) = shown.newer {
                if self.kept.len() == known {
                    return Err(client.paging_error("its cursor does not move"));
                }
                cursor = Cursor {
                    after: self.id_at(newer),
                    overlap: Some(last),
                };
                too_small = None;
            } else {
                // All rows of the page have the same `created_at`. Only a larger page shows what follows them.
                too_small = Some(limit);
                limit = larger(limit).ok_or_else(|| {
                    let problem = "more pipelines were created in the same moment than a page holds, or its cursor does not move";
                    client.paging_error(problem)
                })?;
            }
        }
        Err(client.paging_error("it does not end after 1,000 pages"))
    }

    /// Adds a row. A row that was read before stays as it was then.
    fn add(
        &mut self,
        row: PipelineRow<'_>,
        overlap: Option<usize>,
        shown: &mut PageRows,
    ) -> Result<(), JsonError> {
        let created_at = row.created_at;
        let place = match self.places.get(&row.id) {
            Some(place) => *place,
            None => {
                let place = self.kept.len();
                self.kept.push((created_at, (self.keep)(&row)?));
                self.places.insert(row.id, place);
                place
            }
        };
        if let Some((last, moment)) = shown.last
            && moment != created_at
        {
            shown.newer = Some(last);
        }
        shown.last = Some((place, created_at));
        shown.overlaps |= overlap == Some(place);
        Ok(())
    }

    fn id_at(&self, place: usize) -> Option<PipelineId> {
        let mut ids = self.places.iter();
        ids.find_map(|(id, at)| (*at == place).then(|| id.clone()))
    }

    fn rows(self) -> Vec<Listed<T>> {
        let mut ids: Vec<_> = self.places.into_iter().collect();
        ids.sort_unstable_by_key(|(_, place)| *place);
        let rows = ids.into_iter().zip(self.kept);
        let mut rows: Vec<_> = rows
            .map(|((id, _), (created_at, kept))| Listed {
                id,
                created_at,
                kept,
            })
            .collect();
        // A later page may begin with pipelines that were created after an earlier page was read.
        rows.sort_by_key(|row| Reverse(row.created_at));
        rows
    }
}

/// The next limit after a page with too many bytes. Fails with any other error.
fn smaller(
    limit: NonZeroU32,
    too_small: Option<NonZeroU32>,
    error: ClientError,
) -> Result<NonZeroU32, ClientError> {
    if error.transport_error_kind() != Some(TransportErrorKind::BodyTooLarge) {
        return Err(error);
    }
    NonZeroU32::new(limit.get() / 10)
        .filter(|smaller| {
            smaller.get() >= SMALLEST_LIMIT
                && too_small.is_none_or(|too_small| *smaller > too_small)
        })
        .ok_or(error)
}

fn larger(limit: NonZeroU32) -> Option<NonZeroU32> {
    let larger = limit.get().saturating_mul(10);
    NonZeroU32::new(larger).filter(|limit| limit.get() <= LARGEST_LIMIT)
}

#[cfg(test)]
mod tests;
