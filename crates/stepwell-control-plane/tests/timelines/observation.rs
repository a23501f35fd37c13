//! What one poll of a pipeline shows: its job, and the action that the dashboard offers for it.

use serde_json::Value;

/// The job, as `GET …/jobs` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub state: String,
    pub running_desired: bool,
    pub run_id: u64,
    pub tasks: Option<u64>,
    pub start_time: Option<u64>,
    pub finish_time: Option<u64>,
    pub failure_reason: Value,
    /// The field that 0.15 has instead.
    pub failure_message: Value,
    pub scheduler_config: Value,
    pub env_vars: Value,
}

/// The state as `GET …/pipelines/{id}` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub stop: String,
    pub action: Option<String>,
    pub action_text: String,
    pub action_in_progress: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When it was seen, in microseconds: since the request in a recording, on the clock in the model.
    pub at: u64,
    pub job: Job,
    pub offer: Offer,
}

impl Job {
    pub fn new(body: &Value) -> Self {
        Self {
            state: body["state"].as_str().unwrap().to_owned(),
            running_desired: body["running_desired"].as_bool().unwrap(),
            run_id: body["run_id"].as_u64().unwrap(),
            tasks: body["tasks"].as_u64(),
            start_time: body["start_time"].as_u64(),
            finish_time: body["finish_time"].as_u64(),
            failure_reason: body["failure_reason"].clone(),
            failure_message: body["failure_message"].clone(),
            scheduler_config: body["scheduler_config"].clone(),
            env_vars: body["env_vars"].clone(),
        }
    }
}

impl Offer {
    pub fn new(body: &Value) -> Self {
        Self {
            stop: body["stop"].as_str().unwrap().to_owned(),
            action: body["action"].as_str().map(str::to_owned),
            action_text: body["action_text"].as_str().unwrap().to_owned(),
            action_in_progress: body["action_in_progress"].as_bool().unwrap(),
        }
    }

    /// Parses a line of a timeline, which contains `… | pipeline stop=… action=… action_text='…' action_in_progress=…`.
    pub fn recorded(line: &str) -> Self {
        let fields = line.split(" | pipeline stop=").nth(1).unwrap();
        let (stop, fields) = fields.split_once(" action=").unwrap();
        let (action, fields) = fields.split_once(" action_text='").unwrap();
        let (action_text, in_progress) = fields.split_once("' action_in_progress=").unwrap();
        Self {
            stop: stop.to_owned(),
            // Null is written with a capital letter here; the action named "none" is not.
            action: (action != "None").then(|| action.to_owned()),
            action_text: action_text.to_owned(),
            action_in_progress: match in_progress {
                "True" => true,
                "False" => false,
                other => panic!("{other} in {line}"),
            },
        }
    }
}

impl Observation {
    /// Whether both show the same, regardless of when.
    pub fn shows(&self, other: &Self) -> bool {
        self.job == other.job && self.offer == other.offer
    }
}
