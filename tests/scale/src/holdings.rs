//! The pipelines of the control plane. A row can stand for many: it is charged as so many, and written once.

use std::{collections::HashMap, ops::Range, time::Duration};

use serde_json::{Value, json};
use stepwell::{PipelineId, arroyo::Pipeline};
use tokio::time::Instant;

/// A moment in microseconds of Unix time, before which everything here was created.
const T0: u64 = 1_795_574_859_000_000;

#[derive(Debug)]
pub(crate) struct Holdings {
    /// Newest last.
    rows: Vec<Row>,
    places: HashMap<String, usize>,
}

#[derive(Debug)]
struct Row {
    body: String,
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
            rows: Vec::new(),
            places: HashMap::new(),
        }
    }

    pub(crate) fn add(&mut self, id: &str, name: &str, query: &str, weight: usize, in_: Duration) {
        // One a second: no page ends within a moment.
        let at = T0 + 1_000_000 * u64::try_from(self.rows.len()).unwrap();
        let pipeline = Pipeline::new(PipelineId::from_server(id), name, query, at);
        self.places.insert(id.to_owned(), self.rows.len());
        self.rows.push(Row {
            body: serde_json::to_string(&pipeline).unwrap(),
            weight,
            runs_at: Instant::now() + in_,
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

    pub(crate) fn page(&self, limit: usize, after: Option<&str>) -> Page {
        let end = after.map_or(self.rows.len(), |id| {
            self.places.get(id).copied().unwrap_or_default()
        });
        let shown = self.shown(limit, end);
        let more = shown.start > 0;
        let rows: Vec<_> = self.rows[shown.clone()]
            .iter()
            .rev()
            .map(|row| row.body.as_str())
            .collect();
        let charged: usize = self.rows[shown].iter().map(|row| row.weight).sum();
        Page {
            body: format!(r#"{{"data":[{}],"hasMore":{more}}}"#, rows.join(",")),
            charged: charged.min(limit),
        }
    }

    fn shown(&self, limit: usize, end: usize) -> Range<usize> {
        let (mut start, mut charged) = (end, 0);
        while start > 0 && charged < limit {
            start -= 1;
            charged += self.rows[start].weight;
        }
        start..end
    }
}
