use std::{fmt, net::Ipv6Addr, str::FromStr};

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use snafu::{OptionExt, Snafu, ensure};

use crate::{PipelineId, percent_encode::Segment, printable};

/// The normalised address of an Arroyo API: `http://host:5115`, with the path prefix of a reverse proxy if there is one, without `/api` and
/// without a trailing slash.
///
/// ```
/// use stepwell_arroyo::Endpoint;
///
/// for text in ["http://host:5115", "http://host:5115/", "http://host:5115/api", "http://host:5115/api/v1/"] {
///     assert_eq!(text.parse::<Endpoint>()?.as_str(), "http://host:5115");
/// }
/// assert_eq!("https://host/arroyo/api".parse::<Endpoint>()?.as_str(), "https://host/arroyo");
///
/// let error = Endpoint::parse("host:5115").unwrap_err();
/// assert_eq!(error.to_string(), "the server's address has no scheme; did you mean http://host:5115?");
/// # Ok::<(), stepwell_arroyo::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    base: String,
}

/// Why a text is not the address of an API. The message never shows credentials.
#[derive(Debug, PartialEq, Eq, Snafu)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address is empty.
    #[snafu(display("the server's address is empty; give one like http://localhost:5115"))]
    Empty,
    /// The address has no scheme.
    #[snafu(display("the server's address has no scheme; did you mean {suggestion}?"))]
    NoScheme {
        /// The address with a scheme.
        suggestion: String,
    },
    /// The scheme is neither http nor https.
    #[snafu(display(
        "the server's address has the scheme {scheme:?}; only http and https can be used"
    ))]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The address contains credentials.
    #[snafu(display(
        "the server's address carries credentials; take them out and give the token by itself, so that it does not end up in logs"
    ))]
    Credentials,
    /// The address has a query or a fragment.
    #[snafu(display(
        "the server's address has a query or a fragment; give only scheme, host, port and path"
    ))]
    Query,
    /// An IPv6 address is not in brackets.
    #[snafu(display(
        "the IPv6 address in the server's address must be in brackets, as in http://[::1]:5115"
    ))]
    Brackets,
    /// The address has no host.
    #[snafu(display("the server's address has no host; give one like http://localhost:5115"))]
    NoHost,
    /// The text after the host is not a port.
    #[snafu(display(
        "the port in the server's address is not a number from 1 to 65535; give an address like http://localhost:5115"
    ))]
    Port,
    /// The address cannot be parsed.
    #[snafu(display("the server's address cannot be read; give one like http://localhost:5115"))]
    Invalid,
}

impl Endpoint {
    /// Parses and normalises an address.
    ///
    /// # Errors
    ///
    /// See [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        ensure!(!text.is_empty(), EmptySnafu);
        // Anywhere in the text, because a slash in a password, or a missing one before the user, ends the authority.
        ensure!(!text.contains('@'), CredentialsSnafu);
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() => (scheme.to_ascii_lowercase(), rest),
            _ => return Err(without_scheme(text)),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        ensure!(
            scheme == "http" || scheme == "https",
            SchemeSnafu {
                scheme: printable::line(&scheme, 20)
            }
        );
        ensure!(!rest.contains(['?', '#']), QuerySnafu);
        ensure!(
            authority.starts_with('[') || authority.matches(':').count() <= 1,
            BracketsSnafu
        );
        ensure!(
            !authority.is_empty() && !authority.starts_with(':'),
            NoHostSnafu
        );
        let uri: Uri = format!("{scheme}://{}", without_api(rest))
            .parse()
            .map_err(|_| EndpointError::Invalid)?;
        Self::from_uri(&uri)
    }

    /// Takes the base URL of a transport ([`Transport::base_url`](stepwell_transport::Transport::base_url)).
    ///
    /// Its path is kept as it is: if it ends with `/api`, requests go to `/api/api/v1`, and an error message must not hide that.
    ///
    /// # Errors
    ///
    /// Fails if it is not an absolute http or https address without credentials.
    pub fn from_uri(uri: &Uri) -> Result<Self, EndpointError> {
        let authority = uri.authority().context(NoHostSnafu)?;
        ensure!(
            !authority.as_str().contains('@') && !uri.path().contains('@'),
            CredentialsSnafu
        );
        let Some(scheme) = uri.scheme() else {
            return Err(without_scheme(authority.as_str()));
        };
        ensure!(
            *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS,
            SchemeSnafu {
                scheme: scheme.as_str()
            }
        );
        ensure!(uri.query().is_none(), QuerySnafu);
        check_host_and_port(authority)?;
        let path = uri.path().trim_end_matches('/');
        // `Uri` accepts any character beyond ASCII, including white space and characters that change the direction of the line.
        ensure!(printable::line(path, usize::MAX) == path, InvalidSnafu);
        let authority = authority.as_str().to_ascii_lowercase();
        Ok(Self {
            base: format!("{scheme}://{authority}{path}"),
        })
    }

    /// The normalised address.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// The address of a pipeline's page in the dashboard.
    ///
    /// ```
    /// use stepwell_arroyo::{Endpoint, PipelineId};
    ///
    /// let endpoint = Endpoint::parse("http://host:5115/api")?;
    /// let id = PipelineId::from_server("pl_aPfTVLdeeM");
    /// assert_eq!(endpoint.dashboard(&id), "http://host:5115/pipelines/pl_aPfTVLdeeM");
    /// # Ok::<(), stepwell_arroyo::EndpointError>(())
    /// ```
    pub fn dashboard(&self, id: &PipelineId) -> String {
        format!("{}/pipelines/{}", self.base, Segment(id.as_str()))
    }
}

/// Removes the path of the API, which is often pasted with the address. It is removed once, because a reverse proxy may have the prefix
/// `/api` and serve the API at `/api/api/v1`.
fn without_api(rest: &str) -> &str {
    let rest = rest.trim_end_matches('/');
    ["/api/v1", "/api"]
        .into_iter()
        .find_map(|suffix| rest.strip_suffix(suffix))
        .unwrap_or(rest)
}

/// The error for an address without a scheme, with a suggestion if possible.
fn without_scheme(text: &str) -> EndpointError {
    // `http:host` and `https:/host` have a scheme, but not its separator.
    let (scheme, rest) = [("http", "http:"), ("https", "https:")]
        .into_iter()
        .find_map(|(scheme, start)| Some((scheme, text.strip_prefix(start)?)))
        .unwrap_or(("http", text));
    let rest = rest
        .strip_prefix("://")
        .unwrap_or(rest)
        .trim_start_matches('/');
    // A second separator would recurse.
    if rest.is_empty() || rest.contains("://") {
        return EndpointError::Invalid;
    }
    match Endpoint::parse(&format!("{scheme}://{rest}")) {
        Ok(endpoint) => EndpointError::NoScheme {
            suggestion: endpoint.base,
        },
        Err(error) => error,
    }
}

fn check_host_and_port(authority: &Authority) -> Result<(), EndpointError> {
    let host = authority.host();
    ensure!(!host.is_empty(), NoHostSnafu);
    if let Some(literal) = host.strip_prefix('[') {
        let literal = literal.strip_suffix(']').context(InvalidSnafu)?;
        ensure!(literal.parse::<Ipv6Addr>().is_ok(), InvalidSnafu);
    }
    let rest = authority.as_str().get(host.len()..).unwrap_or_default();
    if !rest.is_empty() {
        let port: Option<u16> = rest.strip_prefix(':').and_then(|port| port.parse().ok());
        ensure!(port.is_some_and(|port| port > 0), PortSnafu);
    }
    Ok(())
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.base)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Endpoint").field(&self.base).finish()
    }
}

const _: () = assert!(size_of::<EndpointError>() <= 4 * size_of::<usize>());

#[cfg(test)]
mod tests;
