use std::{fmt, path::PathBuf, sync::Arc};

use http::Uri;
use snafu::{OptionExt, ResultExt, ensure};
use stepwell_transport::Token;
use tokio::sync::Semaphore;

use crate::{
    certificates::Certificates,
    client::client,
    connector::{Lookup, TcpConnector, system_lookup},
    describe::ServerName,
    error::{AddressSnafu, CredentialsSnafu, HyperTransportError, IncompleteSnafu, SchemeSnafu},
    prepare::RequestTemplate,
    transport::HyperTransport,
};

/// Builds a [`HyperTransport`]. `Debug` shows neither the token nor credentials in the address.
#[derive(Clone)]
#[must_use]
pub struct HyperTransportBuilder {
    base: String,
    token: Option<Token>,
    requests_at_once: usize,
    certificates: Certificates,
    lookup: Lookup,
}

impl HyperTransport {
    /// Starts to build a transport to this address: the scheme, the host, the port, and a path prefix if the API has one.
    pub fn builder(base: impl Into<String>) -> HyperTransportBuilder {
        HyperTransportBuilder {
            base: base.into(),
            token: None,
            // As many as a shutdown stops at once, and well below the usual limit on open files.
            requests_at_once: 64,
            certificates: Certificates::default(),
            lookup: system_lookup,
        }
    }
}

impl HyperTransportBuilder {
    /// Sets the token, which is sent with every request as `Authorization: Bearer …`.
    pub fn token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Sets how many requests may be in flight at the same time, over all clones; 64 by default, at least 1. Further requests wait for a
    /// permit, within their timeout.
    ///
    /// The limit bounds the memory that replies take and the number of open connections. There may briefly be more connections than
    /// requests: if an idle connection becomes free while a new one is being opened, the request uses the idle one, and the new one joins
    /// the pool, which keeps up to this many idle connections.
    ///
    /// A [streamed](stepwell_transport::Transport::execute_streamed) reply holds a permit only until its head has arrived; otherwise
    /// long-lived streams would block all other requests. Each stream holds a connection, and the caller bounds their number.
    pub fn requests_at_once(mut self, requests: usize) -> Self {
        self.requests_at_once = requests;
        self
    }

    /// Trusts the certificates in this PEM file, such as a private CA, in addition to the platform's. Only used for https.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificates.ca_file = Some(path.into());
        self
    }

    /// Sets the client certificate for mutual TLS. Only used for https, and only sent if the server requests it.
    ///
    /// `certificate` is a PEM file with the client's certificate first, followed by the chain up to the server's CA. `key` is a PEM file
    /// with the unencrypted private key. Both may be the same file.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.certificates.client = Some((certificate.into(), key.into()));
        self
    }

    #[cfg(test)]
    pub(crate) fn lookup(mut self, lookup: Lookup) -> Self {
        self.lookup = lookup;
        self
    }

    /// Builds the transport. It does not connect yet.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be used, or if TLS cannot be set up.
    pub fn build(self) -> Result<HyperTransport, HyperTransportError> {
        let base = parse(&self.base)?;
        let permits = self.requests_at_once.clamp(1, Semaphore::MAX_PERMITS);
        let http = TcpConnector::new(self.lookup);
        let tried = http.tried.clone();
        let connector = self.certificates.connector(&base, http)?;
        Ok(HyperTransport {
            client: client(connector, permits),
            server: ServerName::new(&base, self.certificates.client.is_some(), tried),
            template: RequestTemplate::new(base, self.token),
            permits: Arc::new(Semaphore::new(permits)),
        })
    }
}

impl fmt::Debug for HyperTransportBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `build` refuses an address with credentials, but it has not run yet.
        let base = if self.base.contains('@') {
            "…"
        } else {
            &self.base
        };
        formatter
            .debug_struct("HyperTransportBuilder")
            .field("base", &base)
            .field("token", &self.token)
            .field("requests_at_once", &self.requests_at_once)
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}

fn parse(text: &str) -> Result<Uri, HyperTransportError> {
    let text = text.trim();
    // Checked before parsing, because the parser's error could repeat the credentials. Anywhere in the text, because a slash in a password
    // ends the authority.
    ensure!(!text.contains('@'), CredentialsSnafu);
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let uri: Uri = text.parse().context(AddressSnafu)?;
    let scheme = uri.scheme_str().context(IncompleteSnafu)?;
    ensure!(
        scheme == "http" || scheme == "https",
        SchemeSnafu { scheme }
    );
    // `http://::1:5115` parses, with an empty host.
    let host = uri.host().unwrap_or_default();
    ensure!(!host.is_empty() && uri.query().is_none(), IncompleteSnafu);
    let colons = authority.matches(':').count();
    ensure!(authority.starts_with('[') || colons <= 1, IncompleteSnafu);
    Ok(uri)
}
