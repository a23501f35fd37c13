//! The request as it is sent, and a copy of it for a second attempt.

use std::{array, fmt};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, uri::PathAndQuery};
use stepwell_transport::{Phase, Token, TransportError, TransportErrorKind};

use crate::write_gate::{RequestBody, WriteGate};

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("stepwell/", env!("CARGO_PKG_VERSION")));

/// What every request gets from the transport.
#[derive(Clone)]
pub(crate) struct RequestTemplate {
    pub(crate) base: Uri,
    pub(crate) token: Option<Token>,
    /// The `Host` header.
    host: HeaderValue,
}

/// A request with its target and headers complete.
#[derive(Debug)]
pub(crate) struct Prepared {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    pub(crate) gate: WriteGate,
}

impl RequestTemplate {
    pub(crate) fn new(base: Uri, token: Option<Token>) -> Self {
        Self {
            host: host(&base),
            base,
            token,
        }
    }

    /// Joins the request to the base URL and adds the headers.
    pub(crate) fn prepare(&self, request: Request<Bytes>) -> Result<Prepared, TransportError> {
        let (parts, body) = request.into_parts();
        let mut uri = self.base.clone().into_parts();
        let path = parts.uri.into_parts().path_and_query;
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let prefix = self.base.path().trim_end_matches('/');
        uri.path_and_query = Some(if prefix.is_empty() {
            path
        } else {
            let path = Bytes::from(format!("{prefix}{path}"));
            PathAndQuery::from_maybe_shared(path).map_err(|error| invalid(&error))?
        });
        let mut headers = parts.headers;
        // hyper knows the length of the body. It would trust another length given here, and cut the body to it.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
        headers.insert(header::HOST, self.host.clone());
        if let Some(token) = &self.token {
            headers.insert(header::AUTHORIZATION, token.header_value());
        }
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        Ok(Prepared {
            method: parts.method,
            uri: Uri::from_parts(uri).map_err(|error| invalid(&error))?,
            headers,
            body,
            gate: WriteGate::default(),
        })
    }
}

/// The `Host` header: with the port, unless it is the default of the scheme.
fn host(base: &Uri) -> HeaderValue {
    let host = base.host().unwrap_or_default();
    let host = match base.port_u16() {
        Some(port) if port != default_port(base) => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    // The host of a parsed URI is a valid header value.
    HeaderValue::try_from(host).unwrap_or_else(|_| HeaderValue::from_static(""))
}

pub(crate) fn default_port(base: &Uri) -> u16 {
    if base.scheme_str() == Some("https") {
        443
    } else {
        80
    }
}

fn invalid(error: &dyn fmt::Display) -> TransportError {
    let message = format!("the request's path cannot be sent: {error}");
    TransportError::new(TransportErrorKind::InvalidRequest, Phase::NotSent, message)
}

/// How many headers a [`Retry`] keeps without an allocation. A request without a body has fewer.
const FEW: usize = 4;

/// A copy of a safe request.
pub(crate) struct Retry {
    method: Method,
    uri: Uri,
    headers: Headers,
    body: Bytes,
    gate: WriteGate,
}

/// The headers of a [`Retry`]. A [`HeaderMap`] has two allocations, and few requests are sent a second time.
enum Headers {
    Few([Option<(HeaderName, HeaderValue)>; FEW]),
    Many(HeaderMap),
}

impl Prepared {
    /// A copy for a second attempt, if the method is safe.
    pub(crate) fn retry(&self) -> Option<Retry> {
        (self.method == Method::GET || self.method == Method::HEAD).then(|| Retry {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: Headers::of(&self.headers),
            body: self.body.clone(),
            gate: self.gate.clone(),
        })
    }

    pub(crate) fn into_request(self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::new(self.body, self.gate));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

impl Retry {
    pub(crate) fn into_request(self) -> Request<RequestBody> {
        let prepared = Prepared {
            method: self.method,
            uri: self.uri,
            headers: match self.headers {
                Headers::Few(headers) => {
                    let mut map = HeaderMap::new();
                    for (name, value) in headers.into_iter().flatten() {
                        map.append(name, value);
                    }
                    map
                }
                Headers::Many(headers) => headers,
            },
            body: self.body,
            gate: self.gate,
        };
        prepared.into_request()
    }
}

impl Headers {
    fn of(map: &HeaderMap) -> Self {
        if map.len() > FEW {
            return Self::Many(map.clone());
        }
        let mut headers = map.iter();
        Self::Few(array::from_fn(|_| {
            let (name, value) = headers.next()?;
            Some((name.clone(), value.clone()))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_is_the_same_request() {
        for count in [0, 1, FEW, FEW + 1] {
            let mut headers = HeaderMap::new();
            for number in 0..count {
                // Two of each name.
                let name: HeaderName = format!("x-{}", number / 2).parse().unwrap();
                headers.append(name, HeaderValue::from(number));
            }
            let prepared = Prepared {
                method: Method::GET,
                uri: Uri::from_static("http://host/path"),
                headers: headers.clone(),
                body: Bytes::new(),
                gate: WriteGate::default(),
            };
            let retry = prepared.retry().unwrap().into_request();
            assert_eq!(retry.headers(), &headers);
            assert_eq!(retry.uri(), "http://host/path");
        }
    }

    #[test]
    fn a_request_that_is_not_safe_is_not_retried() {
        let prepared = Prepared {
            method: Method::POST,
            uri: Uri::from_static("http://host/path"),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
            gate: WriteGate::default(),
        };
        assert!(prepared.retry().is_none());
    }
}
