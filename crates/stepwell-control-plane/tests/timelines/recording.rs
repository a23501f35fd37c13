//! The recordings of a real Arroyo.

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use serde_json::Value;

use crate::observation::{Job, Observation, Offer};

pub struct Timeline {
    pub name: String,
    /// The pipeline that was observed; missing in the recordings of 0.15.0.
    #[allow(dead_code, reason = "the embedded engine's replay uses it")]
    pub pipeline: String,
    /// Whether the recording ended after a time without changes. If not, it ended when the awaited state was reached. Missing in the
    /// recordings of 0.15.0.
    pub timed_out: bool,
    pub observations: Vec<Observation>,
}

pub struct Exchange {
    pub method: String,
    pub path: String,
    pub body: String,
    pub status: u64,
    /// The headers of the answer.
    pub headers: BTreeMap<String, String>,
    pub text: String,
    /// The body of the answer, if it is JSON.
    pub answer: Value,
}

/// The recorded server: 0.16.0-dev or 0.15.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the embedded engine's replay uses one")]
pub enum Recorded {
    V0_15,
    V0_16,
}

impl Recorded {
    fn file(self, name: &str) -> String {
        match self {
            Self::V0_15 => format!("0.15.0/{name}"),
            Self::V0_16 => name.to_owned(),
        }
    }
}

pub fn read(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/contract/recordings")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[allow(dead_code, reason = "the embedded engine's replay uses it")]
pub fn timelines() -> Vec<Timeline> {
    timelines_of(Recorded::V0_16)
}

pub fn timelines_of(recorded: Recorded) -> Vec<Timeline> {
    let lines = read(&recorded.file("timelines.jsonl"));
    lines.iter().map(timeline).collect()
}

fn timeline(recorded: &Value) -> Timeline {
    let lines = recorded["timeline"].as_array().unwrap();
    let jobs = recorded["jobs"].as_array().unwrap();
    // Each answer is recorded twice: as a summary line, and as the whole body of the jobs.
    assert_eq!(lines.len(), jobs.len());
    Timeline {
        name: recorded["name"].as_str().unwrap().to_owned(),
        pipeline: body(&jobs[0])["data"][0]["pipeline_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        timed_out: recorded["timed_out"].as_bool().unwrap_or(false),
        observations: lines
            .iter()
            .zip(jobs)
            .map(|(line, job)| observation(line, job))
            .collect(),
    }
}

fn observation(line: &Value, job: &Value) -> Observation {
    assert_eq!(line["t"], job["t"]);
    let body = body(job);
    Observation {
        at: std::time::Duration::from_secs_f64(line["t"].as_f64().unwrap())
            .as_micros()
            .try_into()
            .unwrap(),
        job: Job::new(&body["data"][0]),
        offer: Offer::recorded(line["line"].as_str().unwrap()),
    }
}

fn body(job: &Value) -> Value {
    serde_json::from_str(job["body"].as_str().unwrap()).unwrap()
}

/// All exchanges, in order.
pub fn exchanges_of(recorded: Recorded) -> &'static [Value] {
    static V0_15: LazyLock<Vec<Value>> =
        LazyLock::new(|| read(&Recorded::V0_15.file("exchanges.jsonl")));
    static V0_16: LazyLock<Vec<Value>> =
        LazyLock::new(|| read(&Recorded::V0_16.file("exchanges.jsonl")));
    match recorded {
        Recorded::V0_15 => &V0_15,
        Recorded::V0_16 => &V0_16,
    }
}

#[allow(dead_code, reason = "the embedded engine's replay uses it")]
pub fn exchange(name: &str) -> Exchange {
    exchange_of(Recorded::V0_16, name)
}

pub fn exchange_of(recorded: Recorded, name: &str) -> Exchange {
    let recorded = exchanges_of(recorded)
        .iter()
        .find(|exchange| exchange["name"] == name)
        .unwrap_or_else(|| panic!("there is no exchange {name}"));
    let (request, response) = (&recorded["request"], &recorded["response"]);
    let answer = response["body"].as_str().unwrap_or_default();
    Exchange {
        method: request["method"].as_str().unwrap().to_owned(),
        path: request["path"].as_str().unwrap().to_owned(),
        body: request["body"].as_str().unwrap_or_default().to_owned(),
        status: response["status"].as_u64().unwrap(),
        headers: response["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|header| [&header[0], &header[1]].map(|part| part.as_str().unwrap().to_owned()))
            .map(|[name, value]| (name, value))
            .collect(),
        text: answer.to_owned(),
        answer: serde_json::from_str(answer).unwrap_or_default(),
    }
}
