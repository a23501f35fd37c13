//! [`Client`]: typed calls over a transport.

mod call;
mod jobs;
mod list;
mod output;
mod paging;
mod pipelines;

use std::time::Duration;

use stepwell_transport::SharedTransport;

use crate::{ClientError, Udf, Validation, request, response, secrets::Secrets};

pub use paging::Listed;

/// The maximum size of a reply that holds a single object, in bytes.
const ONE: usize = 16 * 1024 * 1024;

/// Typed calls of the Arroyo REST API v1.
///
/// Each request is sent once. Whether to send it again is the caller's decision. Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::Method;
/// use stepwell_arroyo::Client;
/// use stepwell_transport::{FakeTransport, SharedTransport};
///
/// let fake = FakeTransport::new();
/// fake.expect(Method::GET, "/api/v1/ping").reply_json(200, &"Pong");
/// let client = Client::new(SharedTransport::new(fake));
/// client.ping().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    transport: SharedTransport,
    timeout: Duration,
}

impl Client {
    /// Creates a client over `transport`. Each request may take 30 s.
    pub fn new(transport: SharedTransport) -> Self {
        Self {
            transport,
            timeout: Duration::from_secs(30),
        }
    }

    /// The same client with another timeout for each request.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self {
            transport: self.transport.clone(),
            timeout,
        }
    }

    /// The transport.
    pub fn transport(&self) -> &SharedTransport {
        &self.transport
    }

    /// Checks that the API is there (`GET /api/v1/ping`).
    ///
    /// # Errors
    ///
    /// [`ClientErrorKind::NotArroyo`](crate::ClientErrorKind::NotArroyo) if the reply is anything but the JSON string `"Pong"` (recording
    /// `001_ping`).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn ping(&self) -> Result<(), ClientError> {
        self.call(request::ping(), ONE, response::decode_ping).await
    }

    /// Lets the server plan a query (`POST /api/v1/pipelines/validate_query`). Errors in the query are part of the result
    /// (recordings `013_validate_syntax_error`–`042_validate_update_delete_stmt`).
    ///
    /// # Errors
    ///
    /// Fails if there is no answer, or if the server refuses a UDF (recording `046_validate_rust_udf_bad`).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn validate(&self, query: &str, udfs: &[Udf]) -> Result<Validation, ClientError> {
        let mut validation: Validation = self.get(request::validate(query, udfs), ONE).await?;
        if validation.errors.is_empty() {
            return Ok(validation);
        }
        // A parser's message quotes the query.
        let secrets = Secrets::of_query(query);
        for error in &mut validation.errors {
            error.place_in(query);
            error.hide(|words| secrets.hide(words));
        }
        Ok(validation)
    }
}
