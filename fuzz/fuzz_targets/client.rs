//! Any bytes as the reply to any call, with any status: what the client makes of it can be shown, and shows no secret.

#![no_main]

use std::{error::Error, fmt::Write};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use stepwell_arroyo::{Client, ClientError, ClientErrorKind, Phase};
use stepwell_fuzz::{Call, ENVIRONMENT, PASSWORD, TOKEN, now};
use stepwell_transport::{SharedTransport, Token, Transport, TransportError};

/// Answers whatever it is asked with one reply.
#[derive(Debug)]
struct Always(Response<Bytes>);

impl Transport for Always {
    async fn execute(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut reply = self.0.clone();
        reply
            .extensions_mut()
            .insert(Token::new(TOKEN).expect("it is a token"));
        Ok(reply)
    }
}

/// The bytes with secrets where the input asks for them: a server that repeats what it was sent. These three bytes are in no UTF-8.
fn repeat(bytes: &[u8]) -> Bytes {
    let mut repeated = Vec::new();
    for byte in bytes {
        match byte {
            0xFD => repeated.extend(ENVIRONMENT.as_bytes()),
            0xFE => repeated.extend(TOKEN.as_bytes()),
            0xFF => repeated.extend(PASSWORD.as_bytes()),
            byte => repeated.push(*byte),
        }
    }
    repeated.into()
}

fn check(call: Call, error: &ClientError) {
    let mut shown = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        write!(shown, " {error} {error:?}").expect("a string takes it");
        source = error.source();
    }
    assert!(!shown.contains(TOKEN), "{shown}");
    assert!(!(call.sends_query() && shown.contains(PASSWORD)), "{shown}");
    assert!(
        !(call.sends_environment() && shown.contains(ENVIRONMENT)),
        "{shown}"
    );
    let is_plain = |character: char| matches!(character, '\n' | '\t') || !character.is_control();
    assert!(shown.chars().all(is_plain), "{shown:?}");
    match error.kind() {
        ClientErrorKind::Rejected { message, .. } => assert!(message.len() <= 8 * 1024),
        ClientErrorKind::NotArroyo {
            start,
            content_type,
            ..
        } => {
            // With the ellipsis.
            assert!(start.chars().count() <= 201, "{start:?}");
            assert!(content_type.chars().count() <= 101, "{content_type:?}");
        }
        _ => {}
    }
    assert_eq!(error.phase(), Phase::Responded);
    let _ = (error.is_retryable(), error.is_not_found(), error.status());
}

fuzz_target!(|input: &[u8]| {
    let [pick, high, low, header_length, rest @ ..] = input else {
        return;
    };
    let call = Call::ALL[usize::from(*pick) % Call::ALL.len()];
    let Ok(status) = StatusCode::from_u16(u16::from_be_bytes([*high, *low]) % 1_000) else {
        return;
    };
    let (content_type, body) = rest.split_at(rest.len().min(usize::from(*header_length)));
    let mut reply = Response::new(repeat(body));
    *reply.status_mut() = status;
    let name = if status.is_redirection() {
        header::LOCATION
    } else {
        header::CONTENT_TYPE
    };
    if let Ok(value) = header::HeaderValue::from_maybe_shared(repeat(content_type)) {
        reply.headers_mut().insert(name, value);
    }
    let client = Client::new(SharedTransport::new(Always(reply)));
    if let Err(error) = now(call.make(&client)) {
        check(call, &error);
    }
});
