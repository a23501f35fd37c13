//! What an error of hyper means: the one place that walks its source chain.

use std::{error::Error, io};

use hyper_util::client::legacy;
use stepwell_transport::{Phase, TransportErrorKind};

/// What went wrong, and how far the request had come.
pub(crate) fn classify(error: &legacy::Error) -> (TransportErrorKind, Phase) {
    if error.is_connect() {
        // Nothing is written before a connection stands.
        return (connect(error), Phase::NotSent);
    }
    for error in chain(error) {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_canceled() {
                // hyper-util gave it up before it was written, and could not repeat it.
                return (TransportErrorKind::Closed, Phase::NotSent);
            }
            if error.is_parse() {
                return (TransportErrorKind::Protocol, Phase::Responded);
            }
            if error.is_timeout() {
                return (TransportErrorKind::TimedOut, Phase::MaybeSent);
            }
            if error.is_user() {
                // The runtime that drove the connection is gone; how far the request had come went with it.
                return (TransportErrorKind::Canceled, Phase::MaybeSent);
            }
            // An incomplete message is not "not sent": the server may have acted and died before it answered.
            return (TransportErrorKind::Closed, Phase::MaybeSent);
        }
        if error.is::<io::Error>() {
            return (TransportErrorKind::Closed, Phase::MaybeSent);
        }
    }
    (TransportErrorKind::Other, Phase::MaybeSent)
}

/// What went wrong with the body of a reply.
pub(crate) fn classify_body(error: &(dyn Error + 'static)) -> TransportErrorKind {
    let broken = chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| {
            // So hyper says that chunks or trailers are malformed, or without end.
            matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            )
        });
    if broken {
        TransportErrorKind::Protocol
    } else {
        TransportErrorKind::Closed
    }
}

fn connect(error: &legacy::Error) -> TransportErrorKind {
    for error in chain(error) {
        #[cfg(feature = "tls")]
        if error.is::<rustls::Error>() {
            return TransportErrorKind::Tls;
        }
        // hyper-util does not name the type of its DNS error, only its text.
        if error.to_string().starts_with("dns error") {
            return TransportErrorKind::UnknownHost;
        }
        if let Some(kind) = error.downcast_ref::<io::Error>().and_then(io_kind) {
            return kind;
        }
    }
    TransportErrorKind::Unreachable
}

fn io_kind(error: &io::Error) -> Option<TransportErrorKind> {
    // What an io::Error wraps is hidden from `source`: rustls comes so, and so does the error of the socket under it.
    if let Some(inner) = error.get_ref() {
        #[cfg(feature = "tls")]
        if inner.is::<rustls::Error>() {
            return Some(TransportErrorKind::Tls);
        }
        if let Some(kind) = inner.downcast_ref::<io::Error>().and_then(io_kind) {
            return Some(kind);
        }
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(TransportErrorKind::Refused),
        io::ErrorKind::TimedOut => Some(TransportErrorKind::TimedOut),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(TransportErrorKind::Unreachable)
        }
        // Closed in the middle of the handshake.
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => Some(TransportErrorKind::Closed),
        _ => None,
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
