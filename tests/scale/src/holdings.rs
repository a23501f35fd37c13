//! The pipelines of the control plane. A row can stand for many: it is charged as so many, and written once.

use std::{collections::HashMap, ops::Range, time::Duration};

use serde_json::{Value, json};
use stepwell::{PipelineId, arroyo::Pipeline};
use tokio::time::Instant;

/// A moment in microseconds of Unix time, before which everything here was created.
const T0: u64 = 1_795_574_859_000_000;

const SECOND: u64 = 1_000_000;

/// What is held was created one a minute.
const BETWEEN: u64 = 60 * SECOND;

#[derive(Debug)]
pub(crate) struct Holdings {
    began: Instant,
    /// Newest last.
    rows: Vec<Row>,
    places: HashMap<String, usize>,
    /// When the newest of what is held was created; what is created beside comes after it.
    held_until: u64,
}

#[derive(Debug)]
struct Row {
    body: String,
    created_at: u64,
    weight: usize,
    /// When its job is Running.
    runs_at: Instant,
}

/// What a page shows, and what it costs.
pub(crate) struct Page {
    pub(crate) body: String,
    /// How many pipelines it stands for.
    pub(crate) charged: usize,
}

impl Holdings {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            rows: Vec::new(),
            places: HashMap::new(),
            held_until: T0,
        }
    }

    /// Adds pipelines that are there and run, as one row.
    pub(crate) fn hold(&mut self, id: &str, name: &str, query: &str, weight: usize) {
        self.held_until += BETWEEN * u64::try_from(weight).unwrap();
        let pipeline = Pipeline::new(PipelineId::from_server(id), name, query, self.held_until);
        self.add(&pipeline, weight, Instant::now());
    }

    /// Adds one that is created now. Its time is that of a SQLite: to the second.
    pub(crate) fn create(&mut self, id: &str, name: &str, query: &str, start: Duration) {
        let now = self.held_until + BETWEEN + self.began.elapsed().as_secs() * SECOND;
        let pipeline = Pipeline::new(PipelineId::from_server(id), name, query, now);
        self.add(&pipeline, 1, Instant::now() + start);
    }

    fn add(&mut self, pipeline: &Pipeline, weight: usize, runs_at: Instant) {
        let id = pipeline.id.as_str().to_owned();
        self.places.insert(id, self.rows.len());
        self.rows.push(Row {
            body: serde_json::to_string(pipeline).unwrap(),
            created_at: pipeline.created_at,
            weight,
            runs_at,
        });
    }

    pub(crate) fn get(&self, id: &str) -> Option<&str> {
        let place = self.places.get(id)?;
        Some(&self.rows[*place].body)
    }

    pub(crate) fn job(&self, id: &str) -> Option<Value> {
        let row = &self.rows[*self.places.get(id)?];
        let runs = Instant::now() >= row.runs_at;
        Some(json!({
            "id": format!("job_{id}"), "pipeline_id": id, "running_desired": true, "run_id": 1, "start_time": T0, "finish_time": null,
            "state": if runs { "Running" } else { "Scheduling" }, "tasks": 3, "failure_reason": null, "created_at": T0,
            "scheduler_config": {}, "env_vars": {},
        }))
    }

    /// As a server does: newest first, and behind a cursor what was created before it. A cursor that is not there gives an empty page.
    pub(crate) fn page(&self, limit: usize, after: Option<&str>) -> Page {
        let end = after.map_or(self.rows.len(), |id| {
            let cursor = self.places.get(id).map(|place| &self.rows[*place]);
            let before = cursor.map_or(0, |cursor| cursor.created_at);
            self.rows.partition_point(|row| row.created_at < before)
        });
        let (shown, charged) = self.shown(limit, end, after.is_some());
        let more = shown.start > 0;
        let rows: Vec<_> = self.rows[shown]
            .iter()
            .rev()
            .map(|row| row.body.as_str())
            .collect();
        Page {
            body: format!(r#"{{"data":[{}],"hasMore":{more}}}"#, rows.join(",")),
            charged,
        }
    }

    /// The rows of a page that ends before `end`, and what they are charged. The first behind a cursor was at the end of the page before:
    /// of the pipelines that it stands for, a server would show the last again.
    fn shown(&self, limit: usize, end: usize, has_cursor: bool) -> (Range<usize>, usize) {
        let (mut start, mut charged) = (end, 0);
        while start > 0 {
            let weight = match self.rows[start - 1].weight {
                _ if has_cursor && start == end => 1,
                weight => weight,
            };
            if charged > 0 && charged + weight > limit {
                break;
            }
            start -= 1;
            charged += weight;
        }
        (start..end, charged.min(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two that are listed one by one, newest, and three rows that stand for ten each.
    fn holdings() -> Holdings {
        let mut holdings = Holdings::new();
        for (id, weight) in [("a", 10), ("b", 10), ("c", 10), ("d", 1), ("e", 1)] {
            holdings.hold(id, "name", "SELECT 1", weight);
        }
        holdings
    }

    fn ids(page: &Page) -> String {
        let body: Value = serde_json::from_str(&page.body).unwrap();
        let rows = body["data"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_charged_as_what_they_stand_for() {
        let holdings = holdings();
        let page = |limit, after| {
            let page = holdings.page(limit, after);
            (
                ids(&page),
                page.charged,
                page.body.ends_with(r#""hasMore":true}"#),
            )
        };
        assert_eq!(page(1, None), ("e".into(), 1, true));
        assert_eq!(page(22, None), ("edcb".into(), 22, true));
        // "b" was seen: a cursor behind "c" shows it once more.
        assert_eq!(page(22, Some("c")), ("ba".into(), 11, false));
        assert_eq!(page(100, None), ("edcba".into(), 32, false));
        assert_eq!(page(100, Some("unknown")), (String::new(), 0, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cursor_skips_what_was_created_in_its_second() {
        let mut holdings = holdings();
        for id in ["f", "g"] {
            holdings.create(id, "name", "SELECT 2", Duration::ZERO);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        holdings.create("h", "name", "SELECT 2", Duration::ZERO);
        assert_eq!(ids(&holdings.page(2, Some("h"))), "gf");
        assert_eq!(ids(&holdings.page(2, Some("g"))), "ed");
    }
}
