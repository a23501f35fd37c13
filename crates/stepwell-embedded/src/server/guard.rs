//! Keeps web pages out. A browser lets any page send requests to loopback; the page's origin, or the name under which it
//! was made to reach loopback, is in the headers.

use http::{HeaderValue, Request, StatusCode, header};

use super::Refusal;

/// The names under which the engine may be addressed.
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

    /// Refuses what does not name the engine as its host, and what a page of another origin sent.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
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
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format!(
                    "the Host of the request is not this engine; address it as http://{}",
                    self.own_name()
                ),
            ));
        }
        if !request
            .headers()
            .get_all(header::ORIGIN)
            .iter()
            .all(|origin| self.is_own_origin(origin))
        {
            return Err(Refusal::new(
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
            .map_err(|refusal| refusal.status)
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
        let absolute = Request::get("http://evil.example/")
            .header("host", "localhost:5115")
            .body(())
            .unwrap();
        assert!(Guard::new(5115).check(&absolute).is_err());
    }
}
