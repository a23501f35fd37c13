//! What a submission asked, and what it was answered: whatever it says has to follow from that.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use stepwell::transport::{Phase, TransportError};
use tokio::time::Instant;

use crate::{history::id_in, purpose::Purpose};

/// One request of a submission, as its network saw it.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub who: String,
    pub purpose: Purpose,
    /// The pipeline in the path, if there is one.
    pub id: String,
    /// The name of the pipeline that a create makes.
    pub name: Option<String>,
    pub sent_at: Instant,
    /// `None` while it is under way, and for ever if its future was dropped.
    pub ended: Option<(Instant, Answer)>,
}

/// How a request ended for its sender.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It never left.
    NotSent,
    /// It may have been received.
    Lost,
    /// A reply with an error status.
    Refused {
        status: u16,
        from_api: bool,
    },
    /// A 2xx whose body is not what was asked for.
    Unreadable,
    /// A 2xx without a job.
    NoJob,
    Job(JobShown),
    /// A list, a page of it, or one pipeline: their ids.
    Pipelines(Vec<String>),
    /// Another 2xx.
    Fine,
}

/// A job as a reply shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobShown {
    pub run_id: u64,
    pub state: String,
    pub desired: bool,
}

impl JobShown {
    /// Whether it has ended; one that is Stopped and meant to run is about to start again.
    pub fn has_ended(&self) -> bool {
        match self.state.as_str() {
            "Stopped" => !self.desired,
            "Finished" | "Failed" => true,
            _ => false,
        }
    }

    /// Whether it has ended, and is meant to stay so.
    pub fn stays_ended(&self) -> bool {
        self.has_ended() && !self.desired
    }
}

impl Exchange {
    pub(crate) fn new(
        who: &str,
        purpose: Purpose,
        request: &Request<Bytes>,
        sent_at: Instant,
    ) -> Self {
        Self {
            who: who.to_owned(),
            purpose,
            id: id_in(request.uri().path()),
            name: purpose.creates().then(|| name_in(request)).flatten(),
            sent_at,
            ended: None,
        }
    }

    pub(crate) fn ended(&mut self, outcome: &Result<Response<Bytes>, TransportError>) {
        let answer = match outcome {
            Err(error) if error.phase() == Phase::NotSent => Answer::NotSent,
            Err(_) => Answer::Lost,
            Ok(reply) => self.read(reply),
        };
        self.ended = Some((Instant::now(), answer));
    }

    fn read(&self, reply: &Response<Bytes>) -> Answer {
        let body: Result<Value, _> = serde_json::from_slice(reply.body());
        if !reply.status().is_success() {
            return Answer::Refused {
                status: reply.status().as_u16(),
                from_api: body.is_ok_and(|body| body["error"].is_string()),
            };
        }
        let Ok(body) = body else {
            return Answer::Unreadable;
        };
        let id = |row: &Value| row["id"].as_str().map(str::to_owned);
        match self.purpose {
            Purpose::Jobs => match body["data"].get(0) {
                None if body["data"].is_array() => Answer::NoJob,
                job => job.and_then(shown).map_or(Answer::Unreadable, Answer::Job),
            },
            Purpose::List | Purpose::NextPage => match body["data"].as_array() {
                Some(rows) => Answer::Pipelines(rows.iter().filter_map(id).collect()),
                None => Answer::Unreadable,
            },
            // About another pipeline.
            Purpose::CreateByPut | Purpose::CreateByPost
                if body["name"].as_str() != self.name.as_deref() =>
            {
                Answer::Unreadable
            }
            Purpose::Look | Purpose::CreateByPut | Purpose::CreateByPost => {
                id(&body).map_or(Answer::Unreadable, |id| Answer::Pipelines(vec![id]))
            }
            _ => Answer::Fine,
        }
    }

    /// The answer, if it was there by `time`.
    pub fn answer_by(&self, time: Instant) -> Option<&Answer> {
        let (at, answer) = self.ended.as_ref()?;
        (*at <= time).then_some(answer)
    }

    /// Whether it may have taken effect, as far as its sender knows: it was not answered, or not by the API.
    pub fn is_in_doubt(&self) -> bool {
        match &self.ended {
            None | Some((_, Answer::Lost | Answer::Unreadable)) => true,
            Some((_, Answer::Refused { status, .. })) => *status >= 500 || *status == 408,
            _ => false,
        }
    }

    /// Whether it was refused, and so has changed nothing.
    pub fn is_refused(&self) -> bool {
        match &self.ended {
            Some((_, Answer::Refused { status, .. })) => *status < 500 && *status != 408,
            Some((_, Answer::NotSent)) => true,
            _ => false,
        }
    }

    /// Whether it was in doubt at that time.
    pub fn in_doubt_at(&self, time: Instant) -> bool {
        if self.sent_at > time {
            return false;
        }
        self.answer_by(time).is_none() || self.is_in_doubt()
    }

    /// The job that it showed by `time`.
    pub fn job_by(&self, time: Instant) -> Option<&JobShown> {
        match self.answer_by(time) {
            Some(Answer::Job(job)) => Some(job),
            _ => None,
        }
    }
}

fn name_in(request: &Request<Bytes>) -> Option<String> {
    let body: Value = serde_json::from_slice(request.body()).ok()?;
    body["name"].as_str().map(str::to_owned)
}

fn shown(job: &Value) -> Option<JobShown> {
    Some(JobShown {
        run_id: job["run_id"].as_u64()?,
        state: job["state"].as_str()?.to_owned(),
        desired: job["running_desired"].as_bool()?,
    })
}
