//! A server's list of pipelines, which is read in pages.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use stepwell_transport::{Phase, SharedTransport, Transport, TransportError};

use super::super::*;
use crate::{Page, Pipeline};

/// A list of pipelines with the cursor of a real Arroyo: "created before `starting_after`".
#[derive(Clone, Debug)]
pub(super) struct Listing(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// Id and time of creation, newest first.
    pub(super) rows: Vec<(String, u64)>,
    /// The maximum size of a page, whatever the limit.
    pub(super) cap: Option<usize>,
    /// The changes after this many pages.
    pub(super) changes: Vec<(usize, Change)>,
    pub(super) ignores_cursor: bool,
    /// This many rows exceed the limit of a reply.
    pub(super) too_large: Option<usize>,
    /// Whether rows of one moment change their order from page to page, because nothing orders them.
    pub(super) mixes_ties: bool,
    requests: Vec<String>,
    /// The deleted rows, the last one at the end.
    deleted: Vec<String>,
    created: usize,
    /// The newest time of all rows so far.
    clock: u64,
}

/// What other clients do while the list is read.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Delete(String),
    /// The row at this index, modulo the number of rows.
    DeleteAt(usize),
    /// The row that is the cursor of the next page.
    DeleteCursor,
    /// A new row, at the time of the newest one or later.
    Create {
        later: bool,
    },
    /// A new row under the id that was deleted last, at a later time. At the same time it could not be distinguished from the old row, and two
    /// readings could agree wrongly: deleted, created and deleted again within one second.
    CreateAnew,
}

impl Listing {
    pub(super) fn new(rows: impl IntoIterator<Item = (String, u64)>) -> Self {
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by_key(|(_, created_at)| Reverse(*created_at));
        Self(Arc::new(Mutex::new(State {
            rows,
            ..State::default()
        })))
    }

    pub(super) fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.0.lock().unwrap());
        self
    }

    pub(super) async fn pipelines_by(&self, limit: u32) -> Result<Vec<Pipeline>, ClientError> {
        let client = Client::new(SharedTransport::new(self.clone()));
        let limit = NonZeroU32::new(limit).unwrap();
        let mut keep = |row: &PipelineRow<'_>| row.to_pipeline();
        let listed = read(&client, limit, &|| Duration::MAX, &mut keep).await?;
        Ok(listed.into_iter().map(|row| row.kept).collect())
    }

    pub(super) async fn read_by(&self, limit: u32) -> Result<Vec<String>, ClientError> {
        let pipelines = self.pipelines_by(limit).await?;
        Ok(pipelines
            .into_iter()
            .map(|pipeline| pipeline.id.to_string())
            .collect())
    }

    pub(super) async fn read(&self) -> Result<Vec<String>, ClientError> {
        self.read_by(FIRST_LIMIT.get()).await
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.clone()
    }

    pub(super) fn rows(&self) -> Vec<(String, u64)> {
        self.0.lock().unwrap().rows.clone()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.rows().into_iter().map(|(id, _)| id).collect()
    }
}

impl State {
    fn page(&mut self, query: &str) -> Page<Pipeline> {
        let parameter = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let limit: usize = parameter("limit").unwrap().parse().unwrap();
        let limit = limit.min(self.cap.unwrap_or(usize::MAX));
        let before = match parameter("starting_after").filter(|_| !self.ignores_cursor) {
            None => u64::MAX,
            // An unknown cursor gives an empty page.
            Some(after) => self
                .rows
                .iter()
                .find_map(|(id, created_at)| (id == after).then_some(*created_at))
                .unwrap_or(0),
        };
        if self.mixes_ties {
            let pages = self.requests.len();
            self.rows.sort_by_key(|(id, created_at)| {
                let sum: usize = id.bytes().map(usize::from).sum();
                (Reverse(*created_at), sum * pages % 7)
            });
        }
        let mut data: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, created_at)| *created_at < before)
            .take(limit + 1)
            .map(|(id, created_at)| {
                Pipeline::new(PipelineId::from_server(id), "name", "SELECT 1", *created_at)
            })
            .collect();
        let has_more = data.len() > limit;
        data.truncate(limit);
        Page::new(data, has_more)
    }

    fn change(&mut self, change: &Change, page: &[Pipeline]) {
        let newest = self.rows.first().map_or(1, |(_, created_at)| *created_at);
        self.clock = self.clock.max(newest);
        match change {
            Change::Delete(id) => self.rows.retain(|(row, _)| row != id),
            Change::DeleteAt(place) => self.delete(place % self.rows.len().max(1)),
            Change::DeleteCursor => {
                if let Some(cursor) = cursor(page) {
                    let mut rows = self.rows.iter();
                    if let Some(place) = rows.position(|(id, _)| id == cursor.as_str()) {
                        self.delete(place);
                    }
                }
            }
            Change::Create { later } => {
                self.created += 1;
                let id = format!("pl_new_{}", self.created);
                self.clock += u64::from(*later);
                self.rows.insert(0, (id, self.clock));
            }
            Change::CreateAnew => {
                if let Some(id) = self.deleted.pop() {
                    self.clock += 1;
                    self.rows.insert(0, (id, self.clock));
                }
            }
        }
    }

    fn delete(&mut self, place: usize) {
        if place < self.rows.len() {
            self.deleted.push(self.rows.remove(place).0);
        }
    }
}

/// The cursor of the next page: the last row before the trailing rows of one moment.
fn cursor(page: &[Pipeline]) -> Option<&PipelineId> {
    let last = page.last()?;
    let mut rows = page.iter().rev();
    let newer = rows.find(|pipeline| pipeline.created_at != last.created_at)?;
    Some(&newer.id)
}

impl Transport for Listing {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut state = self.0.lock().unwrap();
        let query = request.uri().query().unwrap();
        state.requests.push(query.to_owned());
        let page = state.page(query);
        if state.too_large.is_some_and(|rows| page.data.len() >= rows) {
            let kind = TransportErrorKind::BodyTooLarge;
            return Err(TransportError::new(kind, Phase::Responded, "too large"));
        }
        let pages = state.requests.len();
        for (after, change) in state.changes.clone() {
            if after == pages {
                state.change(&change, &page.data);
            }
        }
        Ok(Response::new(serde_json::to_vec(&page).unwrap().into()))
    }
}
