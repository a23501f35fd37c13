//! The pipelines of the control plane. A row can stand for many pipelines, whose time it takes, but is only written once.

use std::{collections::HashMap, ops::Range, time::Duration};

use serde_json::{Value, json};
use stepwell::{PipelineId, arroyo::Pipeline};
use tokio::time::Instant;

/// A moment in microseconds of Unix time, from which the times of creation are counted.
const T0: u64 = 1_795_574_859_000_000;

const SECOND: u64 = 1_000_000;

/// The held pipelines were created one minute apart.
const BETWEEN: u64 = 60 * SECOND;

#[derive(Debug)]
pub(crate) struct Holdings {
    began: Instant,
    /// Newest last.
    rows: Vec<HeldRow>,
    indices: HashMap<String, usize>,
    /// When the newest of the held pipelines was created. Pipelines that are created during the simulation are newer.
    held_until: u64,
}

#[derive(Debug)]
struct HeldRow {
    body: String,
    created_at: u64,
    weight: usize,
    /// When its job is Running.
    runs_at: Instant,
}

/// A page of the list, with the number of pipelines whose time it takes.
pub(crate) struct ListPage {
    pub(crate) body: String,
    /// The number of pipelines that it stands for.
    pub(crate) charged: usize,
}

impl Holdings {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            rows: Vec::new(),
            indices: HashMap::new(),
            held_until: T0,
        }
    }

    /// Adds running pipelines as one row.
    pub(crate) fn hold(&mut self, id: &str, name: &str, query: &str, weight: usize) {
        self.held_until += BETWEEN * u64::try_from(weight).unwrap();
        let pipeline = Pipeline::new(PipelineId::from_server(id), name, query, self.held_until);
        self.add(&pipeline, weight, Instant::now());
    }

    /// Adds a pipeline that is created now. As on SQLite, its time has a resolution of one second.
    pub(crate) fn create(&mut self, id: &str, name: &str, query: &str, start: Duration) {
        let now = self.held_until + BETWEEN + self.began.elapsed().as_secs() * SECOND;
        let pipeline = Pipeline::new(PipelineId::from_server(id), name, query, now);
        self.add(&pipeline, 1, Instant::now() + start);
    }

    fn add(&mut self, pipeline: &Pipeline, weight: usize, runs_at: Instant) {
        let id = pipeline.id.as_str().to_owned();
        self.indices.insert(id, self.rows.len());
        self.rows.push(HeldRow {
            body: serde_json::to_string(pipeline).unwrap(),
            created_at: pipeline.created_at,
            weight,
            runs_at,
        });
    }

    pub(crate) fn get(&self, id: &str) -> Option<&str> {
        let index = self.indices.get(id)?;
        Some(&self.rows[*index].body)
    }

    pub(crate) fn job(&self, id: &str) -> Option<Value> {
        let row = &self.rows[*self.indices.get(id)?];
        let runs = Instant::now() >= row.runs_at;
        Some(json!({
            "id": format!("job_{id}"), "pipeline_id": id, "running_desired": true, "run_id": 1, "start_time": T0, "finish_time": null,
            "state": if runs { "Running" } else { "Scheduling" }, "tasks": 3, "failure_reason": null, "created_at": T0,
            "scheduler_config": {}, "env_vars": {},
        }))
    }

    /// A page as a server returns it: newest first, and after a cursor the pipelines created before it. An unknown cursor gives an empty page.
    pub(crate) fn page(&self, limit: usize, after: Option<&str>) -> ListPage {
        let end = after.map_or(self.rows.len(), |id| {
            let cursor = self.indices.get(id).map(|index| &self.rows[*index]);
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
        ListPage {
            body: format!(r#"{{"data":[{}],"hasMore":{more}}}"#, rows.join(",")),
            charged,
        }
    }

    /// The rows of a page that ends before `end`, and the number of pipelines that they stand for. The first row after a cursor was at the end of
    /// the page before, so it only stands for the last of its pipelines.
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

    /// Three rows that stand for ten pipelines each, and two newer rows that stand for one.
    fn holdings() -> Holdings {
        let mut holdings = Holdings::new();
        for (id, weight) in [("a", 10), ("b", 10), ("c", 10), ("d", 1), ("e", 1)] {
            holdings.hold(id, "name", "SELECT 1", weight);
        }
        holdings
    }

    fn ids(page: &ListPage) -> String {
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
        // The row "b" was read; after the cursor "c" it is repeated.
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
