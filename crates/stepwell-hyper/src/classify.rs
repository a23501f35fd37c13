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
    if refused_by_tls(error).is_some() {
        // In TLS 1.3 the client is done with the handshake before the server has looked at its certificate, and sends the request behind
        // it. The server's word comes at the first read. A server that keeps to the rules says it before it reads what came behind, but
        // nothing here shows that it does, and a create that is repeated wrongly is worse than one that is looked for.
        return (TransportErrorKind::Tls, Phase::MaybeSent);
    }
    for error in chain(error) {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_canceled() {
                // hyper-util gave it up before it was written, and could not repeat it.
                return (TransportErrorKind::Closed, Phase::NotSent);
            }
            // hyper has a method for it on the server's side alone.
            if error.is_parse() && error.to_string() == "message head is too large" {
                return (TransportErrorKind::HeadTooLarge, Phase::Responded);
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

/// Why the server refused the handshake of this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "nobody refuses without TLS")
)]
pub(crate) enum Refused {
    /// For its certificate, or for having none.
    Certificate,
    /// For something; in TLS 1.2 that can be the lack of a certificate, too.
    Handshake,
}

/// Whether the server refused this client in the handshake, by its alert.
#[cfg(feature = "tls")]
pub(crate) fn refused_by_tls(error: &(dyn Error + 'static)) -> Option<Refused> {
    use rustls::AlertDescription as Alert;
    let rustls::Error::AlertReceived(alert) = chain(error).find_map(tls)? else {
        return None;
    };
    match alert {
        Alert::CertificateRequired
        | Alert::NoCertificate
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError => Some(Refused::Certificate),
        Alert::HandshakeFailure => Some(Refused::Handshake),
        _ => None,
    }
}

#[cfg(not(feature = "tls"))]
pub(crate) fn refused_by_tls(_: &(dyn Error + 'static)) -> Option<Refused> {
    None
}

/// The error of rustls that this is, or that is wrapped in it: what an `io::Error` wraps is hidden from `source`.
#[cfg(feature = "tls")]
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inner {
        Some(inner) => tls(inner),
        None => error.downcast_ref(),
    }
}

fn connect(error: &legacy::Error) -> TransportErrorKind {
    for error in chain(error) {
        #[cfg(feature = "tls")]
        if tls(error).is_some() {
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
    // What an io::Error wraps is hidden from `source`: the error of the socket under TLS comes so.
    if let Some(inner) = error.get_ref()
        && let Some(kind) = inner.downcast_ref::<io::Error>().and_then(io_kind)
    {
        return Some(kind);
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
