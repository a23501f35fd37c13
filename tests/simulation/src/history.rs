//! What really happened on the server.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use tokio::time::Instant;

/// A state that a pipeline's job was in, from then on.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    pub at: Instant,
    pub run_id: u64,
    pub state: String,
    pub desired: bool,
}

impl Moment {
    pub fn has_ended(&self) -> bool {
        match self.state.as_str() {
            "Stopped" => !self.desired,
            "Finished" | "Failed" => true,
            _ => false,
        }
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.state.as_str(), "Stopped" | "Finished" | "Failed")
    }
}

/// One pipeline.
#[derive(Clone, Debug)]
pub struct Life {
    pub id: String,
    pub name: String,
    pub query: String,
    pub made_by: String,
    pub made_at: Instant,
    /// Since when readers see it.
    pub shown_at: Instant,
    pub moments: Vec<Moment>,
    /// Whatever the server shows of them.
    pub final_checkpoints: Vec<FinalCheckpoint>,
    pub deleted_at: Option<Instant>,
}

/// A checkpoint that a run was to end with, and that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalCheckpoint {
    pub run_id: u64,
    /// When it was begun, on the server's clock: no two of a pipeline are the same.
    pub begun: u64,
}

impl Life {
    /// What it was at that time.
    pub fn at(&self, time: Instant) -> Option<&Moment> {
        self.moments.iter().rev().find(|moment| moment.at <= time)
    }

    /// Keeps those that are new, of those that the server has now.
    pub fn note_final_checkpoints(&mut self, run_id: u64, there: &[u64]) {
        for begun in there {
            let mut known = self.final_checkpoints.iter();
            if !known.any(|known| known.begun == *begun) {
                let begun = *begun;
                self.final_checkpoints
                    .push(FinalCheckpoint { run_id, begun });
            }
        }
    }

    /// Whether it was there at that time.
    pub fn is_there_at(&self, time: Instant) -> bool {
        self.made_at <= time && self.deleted_at.is_none_or(|at| time < at)
    }

    /// Whether a request that took effect was about this pipeline, and not about another one that had its id.
    pub fn is_of(&self, act: &Act) -> bool {
        act.id == self.id && act.at >= self.made_at && self.deleted_at.is_none_or(|at| act.at <= at)
    }

    /// Whether it was in an end of this state, and meant to stay so, at some time from `from` to `to`.
    pub fn had_ended_as(&self, state: &str, from: Instant, to: Instant) -> bool {
        let mut moments = self.moments.iter().enumerate();
        self.deleted_at.is_none_or(|at| at >= from)
            && moments.any(|(index, moment)| {
                let until = self.moments.get(index + 1).map(|next| next.at);
                moment.state == state
                    && !moment.desired
                    && moment.at <= to
                    && until.is_none_or(|until| until >= from)
            })
    }

    /// Whether it has a final checkpoint of this run.
    pub fn has_final_checkpoint(&self, run_id: u64) -> bool {
        let mut left = self.final_checkpoints.iter();
        left.any(|left| left.run_id == run_id)
    }

    /// Whether a restart came so shortly before its end that its checkpoint is taken for the final one.
    pub fn restarted_at_its_end(&self, run_id: u64) -> bool {
        let mut of_run = self.moments.iter().filter(|moment| moment.run_id == run_id);
        let began = of_run.next();
        let ended = of_run.find(|moment| moment.has_ended());
        began.zip(ended).is_some_and(|(began, ended)| {
            run_id > 1 && ended.at - began.at < Duration::from_millis(1_500)
        })
    }

    pub fn is_alive(&self) -> bool {
        self.deleted_at.is_none()
            && self
                .moments
                .last()
                .is_some_and(|moment| !moment.has_ended())
    }

    /// Whether it had ended at `from` or came to its end until `to`; a deleted one has.
    pub fn had_ended_between(&self, from: Instant, to: Instant) -> bool {
        self.deleted_at.is_some_and(|at| at <= to)
            || self.at(from).is_some_and(Moment::has_ended)
            || self
                .moments
                .iter()
                .any(|moment| moment.at >= from && moment.at <= to && moment.has_ended())
    }

    /// Whether it came into a state after `after`, until `to`.
    pub fn entered(&self, state: &str, after: Instant, to: Instant) -> bool {
        self.moments
            .iter()
            .any(|moment| moment.state == state && moment.at > after && moment.at <= to)
    }

    pub fn was_finished_at(&self, time: Instant) -> bool {
        self.at(time)
            .is_some_and(|moment| moment.state == "Finished")
    }

    /// From when to when the run was Running without a break; the last such time before `to`.
    pub fn running(&self, run_id: u64, to: Instant) -> Option<(Instant, Instant)> {
        let mut found = None;
        for (index, moment) in self.moments.iter().enumerate() {
            if moment.at > to {
                break;
            }
            if moment.state != "Running" || moment.run_id != run_id {
                continue;
            }
            let until = self.moments[index + 1..]
                .iter()
                .find(|next| next.state != "Running" || next.run_id != run_id)
                .map_or(to, |next| next.at.min(to));
            // A change of a wish alone is no break.
            found = match found {
                Some((from, end)) if end >= moment.at => Some((from, until)),
                _ => Some((moment.at, until)),
            };
        }
        found
    }
}

/// What a request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Create,
    Start,
    Parallelism,
    Stop,
    Restart,
    Delete,
}

/// A request that took effect.
#[derive(Clone, Debug)]
pub struct Act {
    pub at: Instant,
    pub sent_at: Instant,
    pub who: String,
    pub deed: Deed,
    pub id: String,
    /// Long after its sender had given it up. Nobody can keep such a one from starting again what was stopped meanwhile.
    pub late: bool,
    /// What the pipeline was before.
    pub before: Option<Moment>,
    /// Whether the roll-back of a replacement sent it: that does not make the pipeline one that was started here.
    pub puts_back: bool,
}

impl Act {
    /// Whether it began a run that would not have begun by itself.
    pub fn began_a_run(&self) -> bool {
        let Some(before) = &self.before else {
            return false;
        };
        match self.deed {
            Deed::Start => !before.desired,
            Deed::Restart => before.state == "Failed",
            _ => false,
        }
    }
}

/// The id of a pipeline in a path.
pub fn id_in(path: &str) -> String {
    let after = path.strip_prefix("/api/v1/pipelines/").unwrap_or_default();
    after.split('/').next().unwrap_or_default().to_owned()
}

/// What a request does if it succeeds.
pub fn deeds(request: &Request<Bytes>) -> Vec<Deed> {
    let path = request.uri().path();
    match *request.method() {
        Method::DELETE => vec![Deed::Delete],
        Method::PUT => vec![Deed::Create],
        Method::POST if path == "/api/v1/pipelines" => vec![Deed::Create],
        Method::POST if path.ends_with("/restart") => vec![Deed::Restart],
        Method::PATCH => {
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            let mut deeds = Vec::new();
            match body["stop"].as_str() {
                Some("none") => deeds.push(Deed::Start),
                Some(_) => deeds.push(Deed::Stop),
                None => {}
            }
            if !body["parallelism"].is_null() {
                deeds.push(Deed::Parallelism);
            }
            deeds
        }
        _ => Vec::new(),
    }
}
