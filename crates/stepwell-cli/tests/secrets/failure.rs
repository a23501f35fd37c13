//! The ways in which a request can fail, most of them with its secrets in the answer.

use serde_json::json;

use crate::{PASSWORD, TOKEN, query, support::server::Reply};

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A 401 that contains the token.
    Unauthorized,
    /// A 400 that repeats the query and a token of it.
    BadRequest,
    /// A 500 whose text is the whole request.
    Echo,
    /// The same as JSON.
    EchoInJson,
    /// A 500 with the whole request in a web page.
    EchoInPage,
    /// A web page with 200 and the request in it.
    Page,
    /// JSON that breaks off.
    BrokenJson,
    /// JSON of another shape.
    OtherJson,
    /// No answer.
    Hang,
    /// The connection ends.
    Close,
}

pub(crate) const ALL: [Failure; 10] = [
    Failure::Unauthorized,
    Failure::BadRequest,
    Failure::Echo,
    Failure::EchoInJson,
    Failure::EchoInPage,
    Failure::Page,
    Failure::BrokenJson,
    Failure::OtherJson,
    Failure::Hang,
    Failure::Close,
];

impl Failure {
    /// Whether the status is a success, so that a request whose reply is not read succeeds.
    pub(crate) fn looks_well(self) -> bool {
        matches!(self, Self::BrokenJson | Self::OtherJson)
    }

    /// The answer to a request of this text.
    pub(crate) fn reply(self, request: &str) -> Reply {
        // The server can only repeat what was sent.
        let token = if request.contains(TOKEN) { TOKEN } else { "" };
        let found = if request.contains(PASSWORD) {
            format!(", found: '{PASSWORD}', {PASSWORD:?} or {PASSWORD}")
        } else {
            String::new()
        };
        let query = query();
        match self {
            Self::Unauthorized => json(401, &json!({"error": format!("no token {token:?}")})),
            Self::BadRequest => json(
                400,
                &json!({"error": format!("could not plan {query}{found}, token {token}")}),
            ),
            Self::Echo => Reply::Whole(500, "text/plain", request.to_owned()),
            Self::EchoInJson => json(500, &json!({"error": request})),
            Self::EchoInPage => page(502, request),
            Self::Page => page(200, request),
            Self::BrokenJson => {
                let whole = json!({"id": "pl_1", "token": token, "query": query}).to_string();
                let length = whole.len() - 3;
                Reply::Whole(200, "application/json", whole[..length].to_owned())
            }
            Self::OtherJson => json(
                200,
                &json!({"query": query, "graph": query, "data": query, "id": {"token": token}}),
            ),
            Self::Hang => Reply::Hang,
            Self::Close => Reply::Raw(Vec::new()),
        }
    }
}

pub(crate) fn json(status: u16, body: &serde_json::Value) -> Reply {
    Reply::Whole(status, "application/json", body.to_string())
}

fn page(status: u16, request: &str) -> Reply {
    let escaped = request
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;");
    Reply::Whole(
        status,
        "text/html",
        format!("<html><pre>{escaped}</pre></html>"),
    )
}
