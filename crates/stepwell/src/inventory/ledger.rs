//! What is known of the pipelines of a server, and from which readings.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use stepwell_arroyo::{Listed, PipelineId, PipelineRow};
use tokio::time::Instant;

use crate::{
    poll::GONE_AFTER,
    resolution::{
        PipelineSummary,
        near_match::plain,
        shown::{Shown, ShownQuery},
    },
};

/// How long before what is known a pipeline may have been made that is not known.
///
/// Its time of creation is that at which its transaction begins (PostgreSQL), and it shows when that ends: when its query is planned and
/// its functions are built. Few creates take half a minute. Clocks that are set back by less than that are covered too.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// So many pipelines that have gone may be remembered, beside as many as there were when the whole list was last read: the newest pages
/// do not show that one has gone.
const SPARE: usize = 1_000;

/// What is kept of a row.
#[derive(Debug)]
pub(crate) struct Kept {
    name: Box<str>,
    preview: bool,
    query: u64,
    plain: u64,
}

/// A pipeline as it was listed.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: PipelineId,
    pub(crate) created_at: u64,
    pub(crate) kept: Kept,
    /// With which change of the ledger it came.
    revision: u64,
    seen: Instant,
}

#[derive(Debug)]
struct Entry {
    row: Arc<Row>,
    /// It was deleted. It is remembered until the whole is read anew, for somebody may ask whether it was listed.
    is_gone: bool,
}

#[derive(Default)]
pub(crate) struct Ledger {
    /// Of a query only what this makes of it is kept.
    hasher: RandomState,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<PipelineId, Entry>,
    by_query: BTreeSet<(u64, PipelineId)>,
    revision: u64,
    /// How many the whole list had when it was last read.
    listed: usize,
    /// The newest time of creation, and when it was seen: the server's clock was that far by then.
    clock: Option<(u64, Instant)>,
    /// No pipeline that was made before this time is unknown, in microseconds of the server's Unix time.
    floor: u64,
    readings: Readings,
}

/// Readings by their numbers: one with a higher number than was begun when somebody asked shows what there was when they asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Readings {
    begun: u64,
    /// The last that came to its end.
    done: u64,
    /// The last of these that was of the whole list.
    done_whole: u64,
}

impl Readings {
    /// The number of the last that has begun.
    pub(super) fn now(self) -> u64 {
        self.begun
    }

    pub(super) fn is_read_since(self, asked: u64, whole: bool) -> bool {
        asked < if whole { self.done_whole } else { self.done }
    }
}

/// A reading under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    number: u64,
    at: Instant,
}

/// From where on the list is read for what is new.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    pub(super) since: u64,
    /// How many pipelines are known to have been made since.
    pub(super) known: usize,
}

/// The ledger as it was at some time.
#[derive(Clone)]
pub(crate) struct Snapshot {
    ledger: Arc<Ledger>,
    revision: u64,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that runs under the lock can panic half way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    pub(super) fn readings(&self) -> Readings {
        self.lock().readings
    }

    pub(super) fn begin(&self) -> Begun {
        let readings = &mut self.lock().readings;
        readings.begun += 1;
        Begun {
            number: readings.begun,
            at: Instant::now(),
        }
    }

    pub(super) fn keep(&self, row: &PipelineRow<'_>) -> Kept {
        let query = row.query.to_text();
        Kept {
            name: row.name.as_ref().into(),
            preview: row.preview,
            query: self.hasher.hash_one(&*query),
            plain: self.plain_hash(&query),
        }
    }

    fn plain_hash(&self, query: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        if query.contains('\r') {
            let plain: Vec<u8> = plain(query).collect();
            hasher.write(&plain);
        } else {
            hasher.write(query.trim().as_bytes());
        }
        hasher.finish()
    }

    /// What is to be read to know what is new; `None`: the whole, for nothing is known yet, or too much that may have gone.
    pub(super) fn newest(&self) -> Option<Newest> {
        let inner = self.lock();
        let is_known = inner.readings.done_whole > 0;
        let is_too_much = inner.entries.len() / 2 > inner.listed + SPARE;
        (is_known && !is_too_much).then(|| Newest {
            since: inner.floor,
            known: inner
                .entries
                .values()
                .filter(|entry| !entry.is_gone && entry.row.created_at >= inner.floor)
                .count(),
        })
    }

    /// Takes over a reading; `false` when it does not go together with what is known, and the whole list has to be read.
    pub(super) fn take(&self, begun: Begun, rows: Vec<Listed<Kept>>, is_whole: bool) -> bool {
        let mut inner = self.lock();
        if begun.number < inner.readings.done {
            // One that began later knows more: what this one does not show may be new.
            return true;
        }
        if !is_whole && !inner.joins(&rows) {
            return false;
        }
        inner.revision += 1;
        let newest = rows.iter().map(|row| row.created_at).max();
        if is_whole {
            inner.listed = rows.len();
            inner.begin_anew();
        }
        for row in rows {
            inner.insert(row);
        }
        inner.note_time(begun, newest);
        let readings = &mut inner.readings;
        readings.done = begun.number;
        if is_whole {
            readings.done_whole = begun.number;
        }
        true
    }

    /// The pipelines that may have this query, and the ledger as it is now.
    pub(super) fn with_query(self: &Arc<Self>, query: &str) -> (Vec<PipelineId>, Snapshot) {
        let hash = self.hasher.hash_one(query);
        let inner = self.lock();
        let first = (hash, PipelineId::from_server(""));
        let ids = inner
            .by_query
            .range(first..)
            .take_while(|(of, _)| *of == hash)
            .filter(|(_, id)| inner.holds(id, u64::MAX))
            .map(|(_, id)| id.clone())
            .collect();
        let snapshot = Snapshot {
            ledger: Arc::clone(self),
            revision: inner.revision,
        };
        (ids, snapshot)
    }

    /// The server does not show this pipeline. `true` when it is gone; a node that lags behind may not know yet what was just listed.
    pub(super) fn is_gone(&self, id: &PipelineId) -> bool {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.get_mut(id) else {
            return true;
        };
        entry.is_gone |= entry.row.seen.elapsed() >= GONE_AFTER;
        entry.is_gone
    }

    pub(super) fn summary(&self, id: &PipelineId) -> PipelineSummary {
        let inner = self.lock();
        let entry = inner.entries.get(id);
        PipelineSummary {
            id: id.clone(),
            name: entry
                .map(|entry| entry.row.name().to_owned())
                .unwrap_or_default(),
        }
    }

    /// All that are there and no previews.
    pub(super) fn rows(&self) -> Vec<Arc<Row>> {
        let inner = self.lock();
        let entries = inner.entries.values();
        entries
            .filter(|entry| !entry.is_gone && !entry.row.kept.preview)
            .map(|entry| Arc::clone(&entry.row))
            .collect()
    }

    pub(super) fn shown<'a>(&'a self, row: &'a Row) -> Shown<'a> {
        Shown {
            id: &row.id,
            name: &row.kept.name,
            preview: row.kept.preview,
            query: ShownQuery::Hash(row.kept.query, &self.hasher),
        }
    }

    pub(super) fn is_near(&self, row: &Row, query: &str) -> bool {
        row.kept.plain == self.plain_hash(query)
    }
}

impl Inner {
    /// Whether all that was made before the floor is known. If not, a clock was set back, a create took longer than the margin, or it is
    /// another server by now.
    fn joins(&self, rows: &[Listed<Kept>]) -> bool {
        rows.iter()
            .filter(|row| row.created_at < self.floor)
            .all(|row| {
                let entry = self.entries.get(&row.id);
                entry.is_some_and(|entry| entry.row.created_at == row.created_at)
            })
    }

    /// What the whole list does not show is gone. What was gone before is forgotten.
    fn begin_anew(&mut self) {
        self.entries.retain(|_, entry| !entry.is_gone);
        for entry in self.entries.values_mut() {
            entry.is_gone = true;
        }
        let entries = &self.entries;
        self.by_query.retain(|(_, id)| entries.contains_key(id));
    }

    fn insert(&mut self, row: Listed<Kept>) {
        let Listed {
            id,
            created_at,
            kept,
            ..
        } = row;
        let mut revision = self.revision;
        if let Some(entry) = self.entries.get_mut(&id) {
            if entry.row.created_at == created_at && entry.row.kept.query == kept.query {
                entry.is_gone = false;
                return;
            }
            // Another under an id that was listed before.
            revision = entry.row.revision;
        }
        self.by_query.insert((kept.query, id.clone()));
        let row = Arc::new(Row {
            id: id.clone(),
            created_at,
            kept,
            revision,
            seen: Instant::now(),
        });
        let is_gone = false;
        self.entries.insert(id, Entry { row, is_gone });
    }

    /// Moves the floor. What this reading does not show became visible after it began, and was made at most the margin before that by
    /// the server's clock. How far that clock was at least is known from what was seen before, and from what the reading shows.
    fn note_time(&mut self, begun: Begun, newest: Option<u64>) {
        let now = Instant::now();
        let by = |(created_at, seen): (u64, Instant), at: Instant| {
            created_at.saturating_add(micros(at.saturating_duration_since(seen)))
        };
        let before = self.clock;
        let clock = match (before, newest) {
            (Some(before), Some(newest)) if newest <= by(before, now) => before,
            (Some(before), None) => before,
            (_, Some(newest)) => (newest, now),
            (None, None) => return,
        };
        self.clock = Some(clock);
        let at_begin = before.map_or(0, |before| by(before, begun.at));
        let at_begin = at_begin.max(newest.unwrap_or_default());
        // Never beyond what was seen: of that very moment there may be more.
        let seen = clock.0.max(newest.unwrap_or_default());
        self.floor = at_begin.saturating_sub(micros(MARGIN)).min(seen);
    }

    fn holds(&self, id: &PipelineId, revision: u64) -> bool {
        let entry = self.entries.get(id);
        entry.is_some_and(|entry| !entry.is_gone && entry.row.revision <= revision)
    }
}

impl Row {
    pub(crate) fn name(&self) -> &str {
        &self.kept.name
    }
}

impl Snapshot {
    /// Whether it was listed by then.
    pub(crate) fn contains(&self, id: &PipelineId) -> bool {
        let inner = self.ledger.lock();
        let entry = inner.entries.get(id);
        entry.is_some_and(|entry| entry.row.revision <= self.revision)
    }

    /// Whether it was listed by then and is not known to be gone since.
    pub(crate) fn holds(&self, id: &PipelineId) -> bool {
        self.ledger.lock().holds(id, self.revision)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Snapshot")
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
