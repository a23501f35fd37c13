use std::{fmt, path::PathBuf, time::Duration};

use http::Uri;
use snafu::{OptionExt, ResultExt, Snafu, ensure};
use stepwell_transport::Token;

use crate::transport::HyperTransport;

/// Makes a [`HyperTransport`]. `Debug` shows neither the token nor credentials in the address.
#[derive(Clone)]
#[must_use]
pub struct HyperTransportBuilder {
    base: String,
    token: Option<Token>,
    connect_timeout: Duration,
    request_timeout: Duration,
    body_limit: usize,
    requests_at_once: usize,
    certificates: Certificates,
}

/// The files of certificates that https is set up with. Only their paths are kept: what is in them is read when the transport is made.
#[derive(Clone, Debug, Default)]
#[cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "nothing is set up without TLS")
)]
pub(crate) struct Certificates {
    /// Trusted besides the platform's.
    pub(crate) ca_file: Option<PathBuf>,
    /// What the client shows to a server that asks who it is: the certificate, and its key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

/// Why a transport cannot be made. The message never shows credentials.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum HyperTransportError {
    /// The address cannot be read.
    #[snafu(display(
        "the server's address cannot be read; give one like http://localhost:5115, an IPv6 address in brackets"
    ))]
    Address {
        /// Why.
        source: http::uri::InvalidUri,
    },
    /// The address is not absolute, or has a query.
    #[snafu(display(
        "the server's address must have a scheme and a host, and no query; give one like http://localhost:5115"
    ))]
    Incomplete,
    /// The address has another scheme than http or https.
    #[snafu(display(
        "the server's address has the scheme {scheme:?}; only http and https can be used"
    ))]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The address carries credentials.
    #[snafu(display(
        "the server's address carries credentials; take them out and give the token by itself"
    ))]
    Credentials,
    /// The address is https, and this build has no TLS.
    #[snafu(display(
        "the server's address is https, and this build has no TLS; build it with the feature \"tls\""
    ))]
    NoTls,
    /// The file of extra certificates cannot be read.
    #[snafu(display("could not read the certificates in {}", path.display()))]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of extra certificates has none in it.
    #[snafu(display("there is no usable certificate in {}; it must be PEM, with BEGIN CERTIFICATE", path.display()))]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The platform has no trusted certificates, and none were given.
    #[snafu(display(
        "this machine has no trusted certificates, and no file of them was given; install them, or give a CA file"
    ))]
    NoRoots,
    /// The file of the client's certificate cannot be read.
    #[snafu(display("could not read the client certificate in {}", path.display()))]
    ClientCertificateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of the client's certificate has none in it.
    #[snafu(display(
        "there is no usable client certificate in {}; it must be PEM, with BEGIN CERTIFICATE, the client's own first and then those up to the server's CA",
        path.display()
    ))]
    NoClientCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file of the client's key cannot be read.
    #[snafu(display("could not read the client key in {}", path.display()))]
    ClientKeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of the client's key has none in it that can be used. Why is not said any closer: it would be said with bytes of the key.
    #[snafu(display(
        "there is no usable client key in {}; it must be PEM, with BEGIN PRIVATE KEY, and RSA, ECDSA or Ed25519",
        path.display()
    ))]
    NoClientKey {
        /// The file.
        path: PathBuf,
    },
    /// The client's key is encrypted, and nobody is there to ask for its password.
    #[snafu(display(
        "the client key in {} is encrypted; decrypt it to a file that only you can read, as with openssl pkey -in {} -out FILE",
        path.display(),
        path.display()
    ))]
    EncryptedClientKey {
        /// The file.
        path: PathBuf,
    },
    /// The client's key is that of another certificate.
    #[snafu(display(
        "the client key in {} does not belong to the first certificate in {}; give the key that this certificate was made for, and the client's own certificate first",
        key.display(),
        certificate.display()
    ))]
    ClientKeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// TLS could not be set up.
    #[snafu(display("TLS could not be set up"))]
    Tls {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl HyperTransportBuilder {
    pub(crate) fn new(base: String) -> Self {
        Self {
            base,
            token: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            body_limit: 64 * 1024 * 1024,
            // As many as a shutdown stops at once, and a fraction of the files that a process may usually open.
            requests_at_once: 64,
            certificates: Certificates::default(),
        }
    }

    /// The token that is sent with every request, as `Authorization: Bearer …`.
    pub fn token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// How long connecting may take; 10 s by default. hyper itself has no limit.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a request without a [`Timeout`](stepwell_transport::Timeout) may take; 30 s by default.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How many bytes the reply to a request without a [`BodyLimit`](stepwell_transport::BodyLimit) may have; 64 MiB by default.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How many requests may be under way at the same time, over all clones; 64 by default, at least 1. Those beyond it wait for a place
    /// within their deadline. It bounds the memory of replies, and the open connections, each of which takes a file here and on the
    /// server. For moments there are more connections than requests: one that was begun for a request which another one has served
    /// meanwhile is made nevertheless, and kept as an idle one, of which there are as many at most.
    ///
    /// A reply that is [streamed](stepwell_transport::Transport::execute_streamed) counts until its head is there and not after: streams
    /// last, and as many as this would leave no place for anything else. Each holds a connection; how many there are is for the caller to
    /// bound.
    pub fn requests_at_once(mut self, requests: usize) -> Self {
        self.requests_at_once = requests;
        self
    }

    /// A file of PEM certificates that are trusted besides the platform's: that of a company, or a private one. For https alone.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificates.ca_file = Some(path.into());
        self
    }

    /// What is shown to a server that asks who the client is (mutual TLS): a file with the client's certificate and those up to the
    /// server's CA, and one with its key, unencrypted, both PEM; they may be the same file. For https alone. A server that does not ask
    /// is not shown it.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.certificates.client = Some((certificate.into(), key.into()));
        self
    }

    /// The transport. Connects nowhere yet.
    ///
    /// # Errors
    ///
    /// When the address cannot be used, or TLS cannot be set up for it.
    pub fn build(self) -> Result<HyperTransport, HyperTransportError> {
        let base = parse(&self.base)?;
        let connector =
            crate::connector::connector(&base, self.connect_timeout, &self.certificates)?;
        Ok(HyperTransport::new(
            base,
            connector,
            self.token,
            self.request_timeout,
            self.body_limit,
            self.requests_at_once,
            self.certificates.client.is_some(),
        ))
    }
}

impl fmt::Debug for HyperTransportBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It has not been parsed yet, and `build` will refuse credentials; until then nobody has.
        let base = if self.base.contains('@') {
            "…"
        } else {
            &self.base
        };
        formatter
            .debug_struct("HyperTransportBuilder")
            .field("base", &base)
            .field("token", &self.token)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("body_limit", &self.body_limit)
            .field("requests_at_once", &self.requests_at_once)
            .field("certificates", &self.certificates)
            .finish()
    }
}

fn parse(text: &str) -> Result<Uri, HyperTransportError> {
    let text = text.trim();
    // Looked at before parsing: what the parser says of it could repeat them. Anywhere in it: a slash in a password ends the authority.
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
