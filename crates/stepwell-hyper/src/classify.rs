//! The meaning of hyper's errors. Their source chains are walked only here.

use std::{error::Error, io};

use hyper_util::client::legacy;
use stepwell_transport::{Phase, TransportErrorKind};

use crate::connector::ConnectFailure;

/// Classifies a failed request, and how far it had come.
pub(crate) fn classify(error: &legacy::Error) -> (TransportErrorKind, Phase) {
    if error.is_connect() {
        // Nothing is written before the connection is established.
        return (connect(error), Phase::NotSent);
    }
    if tls_refusal(error).is_some() {
        // In TLS 1.3 the client ends the handshake and sends the request before the server has checked the certificate; the alert arrives
        // with the first read. A correct server sends it before it reads the request. The client cannot verify that, and a create that is
        // wrongly repeated is worse than one that is looked up.
        return (TransportErrorKind::Tls, Phase::MaybeSent);
    }
    for error in chain(error) {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_canceled() {
                // hyper-util cancelled the request before it was written, and could not repeat it.
                return (TransportErrorKind::Closed, Phase::NotSent);
            }
            // `hyper::Error` has no public method for this in a client.
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
                // The runtime of the connection has been shut down, and how far the request had come is lost.
                return (TransportErrorKind::Canceled, Phase::MaybeSent);
            }
            // An incomplete message does not mean "not sent": the server may have acted on the request and crashed before it answered.
            return (TransportErrorKind::Closed, Phase::MaybeSent);
        }
        if error.is::<io::Error>() {
            return (TransportErrorKind::Closed, Phase::MaybeSent);
        }
    }
    (TransportErrorKind::Other, Phase::MaybeSent)
}

/// Classifies a body that broke off.
pub(crate) fn classify_body(error: &(dyn Error + 'static)) -> TransportErrorKind {
    let broken = chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| {
            // hyper reports malformed or endless chunks and trailers in this way.
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

/// Why the server refused the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "there is no handshake without TLS")
)]
pub(crate) enum TlsRefusal {
    /// The client certificate is missing or not accepted.
    Certificate,
    /// Any reason; in TLS 1.2 that includes a missing client certificate.
    Handshake,
}

/// Finds out from the alert why the server refused the TLS handshake. `None` if it did not.
#[cfg(feature = "tls")]
pub(crate) fn tls_refusal(error: &(dyn Error + 'static)) -> Option<TlsRefusal> {
    use rustls::AlertDescription as Alert;
    let rustls::Error::AlertReceived(alert) = chain(error).find_map(rustls_error)? else {
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
        | Alert::DecryptError => Some(TlsRefusal::Certificate),
        Alert::HandshakeFailure => Some(TlsRefusal::Handshake),
        _ => None,
    }
}

#[cfg(not(feature = "tls"))]
pub(crate) fn tls_refusal(_: &(dyn Error + 'static)) -> Option<TlsRefusal> {
    None
}

/// Finds the error of rustls in an error. `source` skips an error that is wrapped in an `io::Error`.
#[cfg(feature = "tls")]
fn rustls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inner {
        Some(inner) => rustls_error(inner),
        None => error.downcast_ref(),
    }
}

fn connect(error: &legacy::Error) -> TransportErrorKind {
    let failure = chain(error).find_map(|error| error.downcast_ref::<ConnectFailure>());
    if let Some(failure @ ConnectFailure::Name { .. }) = failure {
        return if failure.is_temporary_lookup() {
            TransportErrorKind::NameLookup
        } else {
            TransportErrorKind::UnknownHost
        };
    }
    let error = failure.and_then(ConnectFailure::last).unwrap_or(error);
    for error in chain(error) {
        #[cfg(feature = "tls")]
        if rustls_error(error).is_some() {
            return TransportErrorKind::Tls;
        }
        if let Some(kind) = error.downcast_ref::<io::Error>().and_then(io_kind) {
            return kind;
        }
    }
    TransportErrorKind::Unreachable
}

fn io_kind(error: &io::Error) -> Option<TransportErrorKind> {
    // `source` skips an error that is wrapped in an `io::Error`, as TLS wraps the error of the socket.
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
        // Closed during the handshake.
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => Some(TransportErrorKind::Closed),
        _ => None,
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
