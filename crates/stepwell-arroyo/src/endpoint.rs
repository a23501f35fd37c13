use std::{fmt, str::FromStr};

use http::{Uri, uri::Scheme};
use snafu::{OptionExt, ResultExt, Snafu, ensure};

use crate::{PipelineId, encode::encode_segment};

/// The address of an Arroyo API, normalised: `http://host:5115`, with or without a path prefix behind a reverse proxy, without `/api`
/// and without a trailing slash.
///
/// ```
/// use stepwell_arroyo::Endpoint;
///
/// for text in ["http://host:5115", "http://host:5115/", "http://host:5115/api", "http://host:5115/api/v1/"] {
///     assert_eq!(text.parse::<Endpoint>()?.as_str(), "http://host:5115");
/// }
/// assert_eq!("https://host/arroyo/api".parse::<Endpoint>()?.as_str(), "https://host/arroyo");
/// # Ok::<(), stepwell_arroyo::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    base: String,
}

/// Why a text is no address of an API. The message never shows credentials.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is empty.
    #[snafu(display("the server's address is empty; give one like http://localhost:5115"))]
    Empty,
    /// It has no scheme.
    #[snafu(display("the server's address {text:?} has no scheme; did you mean http://{text}?"))]
    NoScheme {
        /// The text.
        text: String,
    },
    /// Its scheme is not http or https.
    #[snafu(display(
        "the server's address has the scheme {scheme:?}; only http and https can be used"
    ))]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// It carries credentials.
    #[snafu(display(
        "the server's address carries credentials; take them out and give the token by itself, so that it does not end up in logs"
    ))]
    Credentials,
    /// It has a query or a fragment.
    #[snafu(display(
        "the server's address has a query or a fragment; give only scheme, host, port and path"
    ))]
    Query,
    /// An IPv6 address is not in brackets.
    #[snafu(display(
        "the IPv6 address in the server's address must be in brackets, as in http://[::1]:5115"
    ))]
    Brackets,
    /// It has no host.
    #[snafu(display("the server's address has no host; give one like http://localhost:5115"))]
    NoHost,
    /// It cannot be read as an address.
    #[snafu(display("the server's address cannot be read; give one like http://localhost:5115"))]
    Invalid {
        /// Why.
        source: http::uri::InvalidUri,
    },
}

impl Endpoint {
    /// Reads and normalises an address.
    ///
    /// # Errors
    ///
    /// When it is none; see [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        ensure!(!text.is_empty(), EmptySnafu);
        let (scheme, rest) = text.split_once("://").with_context(|| {
            // Without a scheme, what stands before an @ may be a password.
            let text = text.rsplit('@').next().unwrap_or_default();
            NoSchemeSnafu { text }
        })?;
        let scheme = scheme.to_ascii_lowercase();
        ensure!(
            scheme == "http" || scheme == "https",
            SchemeSnafu { scheme }
        );
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        ensure!(!authority.contains('@'), CredentialsSnafu);
        ensure!(!rest.contains(['?', '#']), QuerySnafu);
        ensure!(
            !authority.is_empty() && !authority.starts_with(':'),
            NoHostSnafu
        );
        ensure!(
            authority.starts_with('[') || authority.matches(':').count() <= 1,
            BracketsSnafu
        );
        let uri: Uri = format!("{scheme}://{rest}").parse().context(InvalidSnafu)?;
        Self::from_uri(&uri)
    }

    /// Normalises an address that has been read already.
    ///
    /// # Errors
    ///
    /// When it is not an absolute http or https address without credentials.
    pub fn from_uri(uri: &Uri) -> Result<Self, EndpointError> {
        let scheme = uri.scheme().context(NoSchemeSnafu { text: uri.path() })?;
        ensure!(
            *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS,
            SchemeSnafu {
                scheme: scheme.as_str()
            }
        );
        let authority = uri.authority().context(NoHostSnafu)?;
        ensure!(!authority.as_str().contains('@'), CredentialsSnafu);
        ensure!(uri.query().is_none(), QuerySnafu);
        let mut path = uri.path().trim_end_matches('/');
        // What people paste: the API's own paths.
        for suffix in ["/api/v1", "/api"] {
            if let Some(prefix) = path.strip_suffix(suffix) {
                path = prefix.trim_end_matches('/');
                break;
            }
        }
        Ok(Self {
            base: format!("{scheme}://{authority}{path}"),
        })
    }

    /// The normalised address.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Where a browser shows a pipeline.
    pub fn dashboard(&self, id: &PipelineId) -> String {
        format!("{}/pipelines/{}", self.base, encode_segment(id.as_str()))
    }
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
