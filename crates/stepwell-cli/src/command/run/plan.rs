//! The text of `--dry-run`: what a run would do.

use stepwell::state::{Plan, PlannedRequest};

pub(super) fn text(plan: &Plan, name: &str) -> String {
    match plan {
        Plan::Resume {
            pipeline,
            state,
            requests,
        } => {
            let state = state
                .as_ref()
                .map(|state| format!(", which is {state}"))
                .unwrap_or_default();
            let requests: Vec<_> = requests.iter().copied().map(request).collect();
            let then = if requests.is_empty() {
                "leave it as it is".to_owned()
            } else {
                requests.join(", then ")
            };
            format!("would resume pipeline {pipeline}{state}: {then}")
        }
        Plan::Create {
            id,
            forced_past,
            near,
            ..
        } => {
            let id = id
                .as_ref()
                .map(|id| format!(" with the id {id}"))
                .unwrap_or_default();
            let beside = match forced_past.len() {
                0 => String::new(),
                1 => ", alongside another one".to_owned(),
                count => format!(", alongside {count} others"),
            };
            let near = near
                .as_ref()
                .map(|near| format!("; its query is also that of pipeline {near}, apart from line ends and outer white space"))
                .unwrap_or_default();
            format!("would create pipeline {name:?}{id}{beside}{near}")
        }
        _ => "would look for a pipeline whose create was not answered".to_owned(),
    }
}

fn request(request: PlannedRequest) -> String {
    match request {
        PlannedRequest::Start => "tell it to run".to_owned(),
        PlannedRequest::Parallelism { to } => format!("set its parallelism to {to}"),
        PlannedRequest::Restart => "restart it".to_owned(),
        PlannedRequest::AwaitEnd => "wait until it has ended".to_owned(),
        _ => "send a request that this version does not know".to_owned(),
    }
}
