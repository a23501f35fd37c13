//! Answers that are no loss: refusals that pass, refusals that do not, and replies about something else.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::json;
use stepwell::transport::{Phase, TransportError, TransportErrorKind as Kind};

use crate::{
    Chance,
    purpose::Purpose,
    replies::{page, reply},
};

/// What else a request can be answered, in every seed that has it a few times for each submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// The name does not resolve in this moment. Nothing was sent.
    UnknownHost,
    /// A gateway does not know the path.
    GatewayNotFound,
    /// A node that lags behind does not know the pipeline, if it is new.
    NodeNotFound,
    BadRequest,
    ConflictBusy,
    TooLarge,
    Unprocessable,
    TooManyRequests,
    Unauthorized,
    Forbidden,
    /// The reply is about another pipeline; the request took effect, or not.
    OtherPipeline,
    /// The reply names no pipeline; the request took effect, or not.
    NoPipeline,
}

pub const ODDITIES: [Oddity; 12] = [
    Oddity::UnknownHost,
    Oddity::GatewayNotFound,
    Oddity::NodeNotFound,
    Oddity::BadRequest,
    Oddity::ConflictBusy,
    Oddity::TooLarge,
    Oddity::Unprocessable,
    Oddity::TooManyRequests,
    Oddity::Unauthorized,
    Oddity::Forbidden,
    Oddity::OtherPipeline,
    Oddity::NoPipeline,
];

impl Oddity {
    pub fn draw(chance: &mut Chance) -> Self {
        ODDITIES[usize::try_from(chance.below(ODDITIES.len() as u64)).unwrap()]
    }

    pub fn concerns(self, purpose: Purpose) -> bool {
        let starts = matches!(purpose, Purpose::Start | Purpose::Restart);
        match self {
            Self::UnknownHost | Self::TooManyRequests => true,
            Self::Unauthorized | Self::Forbidden => purpose != Purpose::Ping,
            Self::GatewayNotFound => purpose.changes() || purpose == Purpose::Jobs,
            Self::NodeNotFound => purpose.changes() && !purpose.creates(),
            Self::BadRequest | Self::ConflictBusy => purpose.creates() || starts,
            Self::TooLarge | Self::Unprocessable | Self::OtherPipeline => {
                purpose.creates() || purpose == Purpose::Start
            }
            Self::NoPipeline => purpose.creates(),
        }
    }

    /// Whether the server sees the request before it is answered so.
    pub fn takes_effect(self, chance: &mut Chance) -> bool {
        matches!(self, Self::OtherPipeline | Self::NoPipeline) && chance.percent(70)
    }

    pub(crate) fn answer(
        self,
        request: &Request<Bytes>,
        chance: &mut Chance,
    ) -> Result<Response<Bytes>, TransportError> {
        let api = |status, words: &'static str| Ok(reply(status, words));
        match self {
            Self::UnknownHost => Err(TransportError::new(
                Kind::NameLookup,
                Phase::NotSent,
                "the name does not resolve in this moment",
            )),
            Self::GatewayNotFound => Ok(page(StatusCode::NOT_FOUND)),
            Self::NodeNotFound => api(StatusCode::NOT_FOUND, r#"{"error":"Pipeline not found"}"#),
            Self::BadRequest => api(
                StatusCode::BAD_REQUEST,
                r#"{"error":"Failed to plan query: no such table"}"#,
            ),
            Self::ConflictBusy => api(StatusCode::CONFLICT, r#"{"error":"busy, try again"}"#),
            Self::TooLarge => api(
                StatusCode::PAYLOAD_TOO_LARGE,
                r#"{"error":"the body is too large"}"#,
            ),
            Self::Unprocessable => api(
                StatusCode::UNPROCESSABLE_ENTITY,
                r#"{"error":"the body is not what was asked for"}"#,
            ),
            Self::TooManyRequests => {
                let mut reply = reply(
                    StatusCode::TOO_MANY_REQUESTS,
                    r#"{"error":"too many requests"}"#,
                );
                let after = HeaderValue::from(1 + chance.below(3));
                reply.headers_mut().insert(header::RETRY_AFTER, after);
                Ok(reply)
            }
            Self::Unauthorized => api(StatusCode::UNAUTHORIZED, r#"{"error":"unauthorized"}"#),
            Self::Forbidden => api(StatusCode::FORBIDDEN, r#"{"error":"forbidden"}"#),
            Self::OtherPipeline | Self::NoPipeline => Ok(self.about_another(request)),
        }
    }

    /// The reply that the request would have had, for a pipeline of another client.
    fn about_another(self, request: &Request<Bytes>) -> Response<Bytes> {
        let asked: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let id = if self == Self::NoPipeline {
            ""
        } else {
            STRANGER
        };
        let body = json!({
            "id": id,
            "name": "stranger",
            "query": STRANGERS_QUERY,
            "udfs": [],
            "checkpoint_interval_micros": 10_000_000,
            "stop": "none",
            "created_at": 1,
            "action": "Stop",
            "action_text": "Stop",
            "action_in_progress": false,
            "graph": {"nodes": [], "edges": []},
            "preview": false,
            "parallelism": asked["parallelism"],
        });
        let mut reply = reply(StatusCode::OK, "");
        *reply.body_mut() = Bytes::from(body.to_string());
        reply
    }
}

/// What another client runs, and what replies about another pipeline are about.
pub const STRANGER: &str = "pl_1";
pub const STRANGERS_QUERY: &str = "SELECT 'stranger'";
