//! [`Replay`]: a transport that returns one recorded answer and keeps the request.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use serde_json::Value;
use stepwell_arroyo::Client;
use stepwell_transport::{
    Phase, SharedTransport, StreamedBody, Transport, TransportError, TransportErrorKind,
};

use crate::recording::RecordedResponse;

/// Answers every request with one recorded reply.
#[derive(Clone, Debug)]
pub struct Replay(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    response: Option<RecordedResponse>,
    asked: Mutex<Vec<Request<Bytes>>>,
}

impl Replay {
    pub fn new(response: Option<RecordedResponse>) -> Self {
        Self(Arc::new(Shared {
            response,
            asked: Mutex::default(),
        }))
    }

    pub fn json(body: &Value) -> Self {
        Self::new(Some(RecordedResponse::of_json(body)))
    }

    pub fn client(&self) -> Client {
        Client::new(SharedTransport::new(self.clone()))
    }

    /// The only request that was made.
    pub fn asked(&self) -> Request<Bytes> {
        let mut asked = self.0.asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.pop().unwrap()
    }
}

impl Transport for Replay {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.0.asked.lock().unwrap().push(request);
        answer(self.0.response.as_ref())
    }

    async fn execute_streamed(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<StreamedBody>, TransportError> {
        Ok(self.execute(request).await?.map(StreamedBody::whole))
    }
}

/// A recorded answer in the form of a transport's result.
pub fn answer(recorded: Option<&RecordedResponse>) -> Result<Response<Bytes>, TransportError> {
    let Some(recorded) = recorded else {
        return Err(TransportError::new(
            TransportErrorKind::Closed,
            Phase::MaybeSent,
            "the server closed without answering",
        ));
    };
    let mut response = Response::new(Bytes::from(recorded.body.clone()));
    *response.status_mut() = recorded.status.try_into().unwrap();
    for (name, value) in &recorded.headers {
        response.headers_mut().append(
            HeaderName::try_from(name).unwrap(),
            HeaderValue::try_from(value).unwrap(),
        );
    }
    Ok(response)
}
