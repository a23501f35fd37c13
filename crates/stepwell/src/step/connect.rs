use std::{pin::pin, sync::Arc, time::Duration};

use http::StatusCode;
use snafu::Snafu;
use stepwell_arroyo::{ClientError, TransportErrorKind};
use tracing::Instrument;

use crate::{
    Connected, Submission, TransitionError, Unconnected,
    context::Context,
    error::Error,
    failures::Failures,
    observer::Step,
    poll::is_cut_short,
    submission::{Begun, need_runtime},
    time_limit::Pace,
    words::Time,
};

/// Why the API was not reached.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum ConnectError {
    /// It did not answer in time.
    #[snafu(display("the API{} did not answer within {}; is the server up, and is this its address?", at(url.as_ref()), Time(*elapsed)))]
    NotUp {
        /// Where it was looked for.
        url: Option<String>,
        /// How long it was tried.
        elapsed: Duration,
        /// The last failure.
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
    /// The server wants other credentials (401 or 403; recordings `900_auth_ping_no_token`–`907_auth_lowercase_bearer`).
    #[snafu(display("the API{} refused the credentials with {status}; check the token", at(url.as_ref())))]
    Credentials {
        /// Where it was looked for.
        url: Option<String>,
        /// 401 or 403.
        status: StatusCode,
        /// The server's answer.
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
    /// Something answers there that is not an Arroyo API.
    #[snafu(display("what answers{} is not an Arroyo API; check the address and its path", at(url.as_ref())))]
    NotArroyo {
        /// Where it was looked for.
        url: Option<String>,
        /// What was answered.
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
    /// No connection can be made: an unknown host, a TLS failure, or a request that cannot be sent. Waiting does not help.
    #[snafu(display("cannot connect to the API{}", at(url.as_ref())))]
    Unreachable {
        /// Where it was looked for.
        url: Option<String>,
        /// Why.
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
}

fn at(url: Option<&String>) -> String {
    url.map(|url| format!(" at {url}")).unwrap_or_default()
}

impl ConnectError {
    fn new(context: &Context, begun: &Begun, error: ClientError) -> Self {
        let url = context.url();
        let source = Box::new(error);
        match source.status() {
            Some(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                Self::Credentials {
                    url,
                    status,
                    source,
                }
            }
            _ if source.is_retryable() => Self::NotUp {
                url,
                elapsed: begun.limit.elapsed(),
                source,
            },
            Some(_) => Self::NotArroyo { url, source },
            None => match source.transport_error_kind() {
                Some(_) => Self::Unreachable { url, source },
                None => Self::NotArroyo { url, source },
            },
        }
    }
}

impl Submission<Unconnected> {
    /// Waits until the API answers.
    ///
    /// Sends `GET /api/v1/ping` until the answer is `"Pong"`. A refused connection, a timeout and a 5xx are tried again until
    /// [`Options::connect_timeout`](crate::Options::connect_timeout); an unknown host, a TLS failure, refused credentials and an answer
    /// that is no Arroyo's end it at once.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], [`Error::ShutdownBegun`], [`Error::NoRuntime`]. Hands back the unconnected submission.
    ///
    /// # Cancel safety
    ///
    /// Safe: a ping changes nothing. The submission is lost with the future.
    pub async fn connect(self) -> Result<Submission<Connected>, TransitionError<Unconnected>> {
        let span = tracing::info_span!(
            "connect",
            pipeline.name = self.state.spec.name(),
            state.from = "Unconnected",
            state.to = "Connected"
        );
        let outcome = async {
            need_runtime()?;
            let begun = self.begin(Step::Connect);
            let work = pin!(ping(&self.context, &begun));
            self.context.unless_begun(work).await?;
            self.finish(&begun);
            Ok::<(), Error>(())
        }
        .instrument(span)
        .await;
        match outcome {
            Ok(()) => {
                let spec = Arc::clone(&self.state.spec);
                Ok(self.with_state(Connected { spec }))
            }
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }
}

async fn ping(context: &Context, begun: &Begun) -> Result<(), Error> {
    let mut pace = Pace::new(Duration::from_millis(50), Duration::from_secs(1));
    let mut failures = Failures::new(Step::Connect);
    let mut before: Option<ClientError> = None;
    loop {
        let left = begun.limit.for_a_request();
        let Err(error) = context.client_within(&begun.limit).ping().await else {
            context.answered(&mut failures);
            return Ok(());
        };
        // What the deadline has cut short says less than the failure before it.
        if is_cut_short(&error, left, context.options.request_timeout)
            && let Some(before) = before
        {
            return Err(ConnectError::new(context, begun, before).into());
        }
        // A server that is starting refuses connections; one that is not there at all does so too. Only time tells.
        let may_pass = error.is_retryable()
            || error.transport_error_kind() == Some(TransportErrorKind::Unreachable);
        if !may_pass || begun.limit.is_over() {
            return Err(ConnectError::new(context, begun, error).into());
        }
        context.retrying(&mut failures, &error);
        let pause = pace.retry(error.retry_after(), &context.jitter);
        begun.limit.sleep(pause).await;
        if begun.limit.is_over() {
            return Err(ConnectError::new(context, begun, error).into());
        }
        before = Some(error);
    }
}
