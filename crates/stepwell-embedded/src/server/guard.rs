//! Keeps web pages out. A browser lets any page send requests to loopback; the headers have the page's origin, or the name by which it
//! reaches loopback.
//!
//! What a page can try, and what stops it:
//!
//! - *A domain that resolves to loopback* (DNS rebinding): the browser takes the engine for the page's own origin, but `Host` has the
//!   domain.
//! - *A write*: a browser sends the page's `Origin` with every request other than GET and HEAD, `null` if it hides the origin. An old
//!   browser may leave it out for a form, which has none of the content types that the API reads.
//! - *A preflight*, which asks whether another origin may do more: it is refused, and no reply allows anything to another origin.
//! - *A GET without an `Origin`*, for an image or a frame: it changes nothing, and `Sec-Fetch-Site` reveals it. The one exception is a
//!   link to a status page, which the linking page can neither read, frame nor get a handle on.

use http::{HeaderValue, Method, Request, StatusCode, header};

use super::error_reply::ErrorReply;
use crate::page::is_page;

/// How the page that caused a request relates to the engine. Browsers send it, and no page can change it.
const SEC_FETCH_SITE: &str = "sec-fetch-site";
/// The mode of a request: `navigate` is a page load in a tab or a frame.
const SEC_FETCH_MODE: &str = "sec-fetch-mode";
/// The destination of a request: `document` is a tab.
const SEC_FETCH_DEST: &str = "sec-fetch-dest";

/// The authorities by which the engine may be addressed.
#[derive(Debug)]
pub(super) struct Guard {
    authorities: Vec<String>,
}

impl Guard {
    pub(super) fn new(port: u16) -> Self {
        let hosts = ["127.0.0.1", "localhost", "[::1]"];
        let mut authorities: Vec<_> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
        if port == 80 {
            authorities.extend(hosts.map(str::to_owned));
        }
        Self { authorities }
    }

    /// Refuses requests that do not name the engine as their host, or that a page of another origin sent.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), ErrorReply> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let addressed = match (hosts.next(), hosts.next()) {
            (Some(host), None) => self.is_own(host.as_bytes()),
            _ => false,
        };
        let target = request
            .uri()
            .authority()
            .is_none_or(|authority| self.is_own(authority.as_str().as_bytes()));
        if !(addressed && target) {
            return Err(ErrorReply::new(
                StatusCode::FORBIDDEN,
                format!(
                    "the Host of the request is not this engine; address it as http://{}",
                    self.own_name()
                ),
            ));
        }
        let own_origin = request
            .headers()
            .get_all(header::ORIGIN)
            .iter()
            .all(|origin| self.is_own_origin(origin));
        if !own_origin || is_foreign(request) && !is_link_to_page(request) {
            return Err(ErrorReply::new(
                StatusCode::FORBIDDEN,
                "the request comes from a page of another origin, which may not use this engine",
            ));
        }
        Ok(())
    }

    fn is_own(&self, authority: &[u8]) -> bool {
        self.authorities
            .iter()
            .any(|own| own.as_bytes().eq_ignore_ascii_case(authority))
    }

    fn is_own_origin(&self, origin: &HeaderValue) -> bool {
        origin
            .as_bytes()
            .strip_prefix(b"http://")
            .is_some_and(|authority| self.is_own(authority))
    }

    fn own_name(&self) -> &str {
        self.authorities.first().map_or("", String::as_str)
    }
}

/// Whether, according to the browser, a page of another origin caused the request. Another port of this machine is the same site, but
/// another origin.
fn is_foreign<B>(request: &Request<B>) -> bool {
    !says(request, SEC_FETCH_SITE, &["same-origin", "none"])
}

/// Whether the request loads a status page in a tab.
fn is_link_to_page<B>(request: &Request<B>) -> bool {
    let is_shown = [(SEC_FETCH_MODE, "navigate"), (SEC_FETCH_DEST, "document")]
        .into_iter()
        .all(|(name, value)| request.headers().contains_key(name) && says(request, name, &[value]));
    is_shown
        && matches!(*request.method(), Method::GET | Method::HEAD)
        && is_page(request.uri().path())
}

/// Whether every occurrence of a header has one of these values. Programs do not send these headers at all.
fn says<B>(request: &Request<B>, name: &str, values: &[&str]) -> bool {
    request.headers().get_all(name).iter().all(|said| {
        values
            .iter()
            .any(|value| value.as_bytes() == said.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)]) -> Result<(), StatusCode> {
        let mut request = Request::get("/api/v1/ping");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Guard::new(5115)
            .check(&request.body(()).unwrap())
            .map_err(|error| error.status)
    }

    #[test]
    fn own_names_are_let_in() {
        for host in [
            "127.0.0.1:5115",
            "localhost:5115",
            "LocalHost:5115",
            "[::1]:5115",
        ] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
            let origin = format!("http://{host}");
            assert_eq!(
                check(&[("host", host), ("origin", &origin)]),
                Ok(()),
                "{origin}"
            );
        }
    }

    #[test]
    fn other_names_and_origins_are_kept_out() {
        for headers in [
            &[][..],
            &[("host", "rebound.example:5115")],
            &[("host", "localhost")],
            &[("host", "localhost:5116")],
            &[("host", "localhost:5115"), ("host", "localhost:5115")],
            &[
                ("host", "localhost:5115"),
                ("origin", "http://evil.example"),
            ],
            &[
                ("host", "localhost:5115"),
                ("origin", "http://localhost:8080"),
            ],
            &[
                ("host", "localhost:5115"),
                ("origin", "https://localhost:5115"),
            ],
            &[("host", "localhost:5115"), ("origin", "null")],
        ] {
            assert_eq!(check(headers), Err(StatusCode::FORBIDDEN), "{headers:?}");
        }
        for site in ["cross-site", "same-site", "Same-Origin", ""] {
            let headers = [("host", "localhost:5115"), ("sec-fetch-site", site)];
            assert_eq!(check(&headers), Err(StatusCode::FORBIDDEN), "{site}");
        }
        for site in ["same-origin", "none"] {
            let headers = [("host", "localhost:5115"), ("sec-fetch-site", site)];
            assert_eq!(check(&headers), Ok(()), "{site}");
        }
        let absolute = Request::get("http://evil.example/")
            .header("host", "localhost:5115")
            .body(())
            .unwrap();
        assert!(Guard::new(5115).check(&absolute).is_err());
    }
}
