//! A server that holds pipelines, for many submissions at once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};
use stepwell::transport::{
    Deadline, Phase, Transport, TransportError, TransportErrorKind,
    bytes::Bytes,
    http::{Method, Request, Response},
};

use crate::support::{T0, job, pipeline};

const SECOND: u64 = 1_000_000;

/// Handles share one server.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// Newest first, in any order within a moment.
    pub(crate) pipelines: Vec<Value>,
    pub(crate) finished: Vec<String>,
    pub(crate) has_no_put: bool,
    /// The next lists are not answered, or with a failure.
    pub(crate) hangs: usize,
    pub(crate) fails: usize,
    /// The reply to the next create is lost.
    pub(crate) loses_create: bool,
    /// The query of each list, and how many rows it showed.
    pub(crate) lists: Vec<(String, usize)>,
    pub(crate) gets: usize,
    pub(crate) creates: Vec<String>,
    /// The server's clock when the test begins is `T0`.
    begun: Option<tokio::time::Instant>,
}

impl Server {
    /// One that holds so many pipelines, made a second after the other and the last one at `T0`.
    pub(crate) fn with(count: usize) -> Self {
        let server = Self::default();
        let mut times = (0..).map(|age| T0 - age * SECOND);
        let mut state = server.state();
        for number in (0..count).rev() {
            let row = row(
                &format!("pl_{number}"),
                &query(number),
                times.next().unwrap(),
            );
            state.pipelines.push(row);
        }
        drop(state);
        server
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Somebody makes a pipeline.
    pub(crate) fn make(&self, id: &str, query: &str, created_at: u64) {
        self.state().make(row(id, query, created_at));
    }

    pub(crate) fn delete(&self, id: &str) {
        self.state().pipelines.retain(|row| row["id"] != id);
    }

    /// The server's clock.
    pub(crate) fn now(&self) -> u64 {
        self.state().now()
    }

    /// How many lists were of the whole, and how many rows all the others showed.
    pub(crate) fn lists(&self) -> (usize, usize) {
        let state = self.state();
        let is_whole = |query: &str| query.contains("limit=10000") && !query.contains("after");
        let wholes = state.lists.iter().filter(|(query, _)| is_whole(query));
        let others = state.lists.iter().filter(|(query, _)| !is_whole(query));
        (wholes.count(), others.map(|(_, rows)| rows).sum())
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<(u16, Value), TransportError> {
        let path = request.uri().path().to_owned();
        let path: Vec<_> = path.split('/').skip(3).collect();
        if (request.method(), &path[..]) == (&Method::GET, &["pipelines"][..]) {
            return self.list(request.uri().query().unwrap()).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut state = self.state();
        Ok(match (request.method(), &path[..]) {
            (&Method::GET, ["ping"]) => (200, json!("Pong")),
            (_, ["pipelines", "validate_query"]) => (
                200,
                json!({"graph": {"nodes": [], "edges": []}, "errors": []}),
            ),
            (&Method::GET, ["pipelines", id]) => {
                state.gets += 1;
                state.get(id)
            }
            (&Method::GET, ["pipelines", id, "jobs"]) => match state.get(id) {
                (200, _) if state.finished.iter().any(|finished| finished == id) => {
                    (200, json!({"data": [job("Finished")]}))
                }
                (200, _) => (200, json!({"data": [job("Running")]})),
                not_found => not_found,
            },
            (&Method::PUT, ["pipelines", _]) if state.has_no_put => (405, Value::Null),
            (method, ["pipelines", ..]) => {
                let body: Value = serde_json::from_slice(request.body()).unwrap();
                let id = match path.get(1) {
                    Some(id) => (*id).to_owned(),
                    None => format!("pl_new_{}", state.creates.len()),
                };
                assert!(*method == Method::PUT || state.has_no_put);
                if state.get(&id).0 == 200 {
                    return Ok((400, json!({"error": "it is there"})));
                }
                let (now, query) = (state.now(), body["query"].as_str().unwrap());
                let mut row = row(&id, query, now);
                row["name"] = body["name"].clone();
                state.creates.push(query.to_owned());
                state.make(row.clone());
                if std::mem::take(&mut state.loses_create) {
                    return Err(lost());
                }
                (200, row)
            }
            other => panic!("{other:?}"),
        })
    }

    async fn list(&self, query: &str) -> Result<(u16, Value), TransportError> {
        let page = self.state().page(query);
        let rows = page["data"].as_array().map_or(0, Vec::len);
        let hangs = {
            let mut state = self.state();
            state.lists.push((query.to_owned(), rows));
            let hangs = state.hangs > 0;
            state.hangs = state.hangs.saturating_sub(1);
            if state.fails > 0 {
                state.fails -= 1;
                return Ok((403, json!({"error": "not now"})));
            }
            hangs
        };
        if hangs {
            return std::future::pending().await;
        }
        // As measured.
        let micros = 10_000 + 140 * u64::try_from(rows).unwrap();
        tokio::time::sleep(Duration::from_micros(micros)).await;
        Ok((200, page))
    }
}

impl State {
    fn page(&self, query: &str) -> Value {
        let parameters: HashMap<_, _> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let limit: usize = parameters["limit"].parse().unwrap();
        let before = parameters.get("starting_after").map(|after| {
            let cursor = self.get(after).1;
            cursor["created_at"].as_u64().unwrap_or_default()
        });
        let older = self
            .pipelines
            .iter()
            .filter(|row| before.is_none_or(|before| row["created_at"].as_u64().unwrap() < before));
        let mut rows: Vec<_> = older.take(limit + 1).cloned().collect();
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        json!({"data": rows, "hasMore": has_more})
    }

    fn make(&mut self, row: Value) {
        self.pipelines.push(row);
        self.pipelines
            .sort_by_key(|row| std::cmp::Reverse(row["created_at"].as_u64()));
    }

    fn get(&self, id: &str) -> (u16, Value) {
        let found = self.pipelines.iter().find(|row| row["id"] == id);
        found.map_or_else(
            || (404, json!({"error": "Pipeline not found"})),
            |row| (200, row.clone()),
        )
    }

    fn now(&mut self) -> u64 {
        let begun = *self.begun.get_or_insert_with(tokio::time::Instant::now);
        T0 + u64::try_from(begun.elapsed().as_micros()).unwrap()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Server")
    }
}

impl Transport for Server {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let _ = self.now();
        let Deadline(time) = *request.extensions().get().unwrap();
        let answer = tokio::time::timeout(time, self.answer(request)).await;
        let (status, body) = answer.unwrap_or_else(|_| Err(timed_out()))?;
        let body = match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        };
        Ok(Response::builder().status(status).body(body).unwrap())
    }
}

fn timed_out() -> TransportError {
    TransportError::new(TransportErrorKind::TimedOut, Phase::MaybeSent, "too slow")
}

fn lost() -> TransportError {
    TransportError::new(TransportErrorKind::Closed, Phase::MaybeSent, "lost")
}

pub(crate) fn query(number: usize) -> String {
    format!("INSERT INTO sink SELECT {number} FROM impulse;")
}

fn row(id: &str, query: &str, created_at: u64) -> Value {
    let mut row = pipeline(id, query);
    row["created_at"] = json!(created_at);
    row
}
