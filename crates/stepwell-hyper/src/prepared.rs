//! A request as it leaves, and once more if it has to.

use std::array;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use crate::outgoing::{Fate, Outgoing};

/// So many headers are kept without an allocation: those of a request that asks and has no body are fewer.
const FEW: usize = 4;

/// A request as it leaves.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) fate: Fate,
}

/// What it takes to make the request again.
pub(crate) struct Again {
    method: Method,
    uri: Uri,
    headers: Headers,
    body: Bytes,
    fate: Fate,
}

/// A [`HeaderMap`] has two allocations, and most requests are never made again.
enum Headers {
    Few([Option<(HeaderName, HeaderValue)>; FEW]),
    Many(HeaderMap),
}

impl Prepared {
    /// What it takes to make it again, if it asks for nothing to be done.
    pub(crate) fn again(&self) -> Option<Again> {
        (self.method == Method::GET || self.method == Method::HEAD).then(|| Again {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: Headers::of(&self.headers),
            body: self.body.clone(),
            fate: self.fate.clone(),
        })
    }

    pub(crate) fn into_request(self) -> Request<Outgoing> {
        let mut request = Request::new(Outgoing::new(self.body, self.fate));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

impl Again {
    pub(crate) fn into_request(self) -> Request<Outgoing> {
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
            fate: self.fate,
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
    fn a_request_is_the_same_again() {
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
                fate: Fate::default(),
            };
            let again = prepared.again().unwrap().into_request();
            assert_eq!(again.headers(), &headers);
            assert_eq!(again.uri(), "http://host/path");
        }
    }

    #[test]
    fn what_changes_something_is_not_made_again() {
        let prepared = Prepared {
            method: Method::POST,
            uri: Uri::from_static("http://host/path"),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
            fate: Fate::default(),
        };
        assert!(prepared.again().is_none());
    }
}
