use std::path::PathBuf;

use snafu::Snafu;

/// Why a transport cannot be built. The message never shows credentials.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum HyperTransportError {
    /// The address cannot be parsed.
    #[snafu(display(
        "the server's address cannot be read; give one like http://localhost:5115, an IPv6 address in brackets"
    ))]
    Address {
        /// The cause.
        source: http::uri::InvalidUri,
    },
    /// The address is not absolute, or it has a query.
    #[snafu(display(
        "the server's address must have a scheme and a host, and no query; give one like http://localhost:5115"
    ))]
    Incomplete,
    /// The scheme of the address is neither http nor https.
    #[snafu(display(
        "the server's address has the scheme {scheme:?}; only http and https can be used"
    ))]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The address contains credentials.
    #[snafu(display(
        "the server's address carries credentials; take them out and give the token by itself"
    ))]
    Credentials,
    /// The address is https, but this build has no TLS.
    #[snafu(display(
        "the server's address is https, and this build has no TLS; build it with the feature \"tls\""
    ))]
    NoTls,
    /// The CA file cannot be read.
    #[snafu(display("could not read the certificates in {}", path.display()))]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The CA file contains no usable certificate.
    #[snafu(display("there is no usable certificate in {}; it must be PEM, with BEGIN CERTIFICATE", path.display()))]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The platform has no trusted certificates, and no CA file was given.
    #[snafu(display(
        "this machine has no trusted certificates, and no file of them was given; install them, or give a CA file"
    ))]
    NoRoots,
    /// The file of the client certificate cannot be read.
    #[snafu(display("could not read the client certificate in {}", path.display()))]
    ClientCertificateFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file of the client certificate contains no usable certificate.
    #[snafu(display(
        "there is no usable client certificate in {}; it must be PEM, with BEGIN CERTIFICATE, the client's own first and then those up to the server's CA",
        path.display()
    ))]
    NoClientCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file of the client key cannot be read.
    #[snafu(display("could not read the client key in {}", path.display()))]
    ClientKeyFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file of the client key contains no usable key. The parser's error is left out, because it repeats bytes of the key.
    #[snafu(display(
        "there is no usable client key in {}; it must be PEM, with BEGIN PRIVATE KEY, and RSA, ECDSA or Ed25519",
        path.display()
    ))]
    NoClientKey {
        /// The file.
        path: PathBuf,
    },
    /// The client key is encrypted, and there is no way to ask for its password.
    #[snafu(display(
        "the client key in {} is encrypted; decrypt it to a file that only you can read, as with openssl pkey -in {} -out FILE",
        path.display(),
        path.display()
    ))]
    EncryptedClientKey {
        /// The file.
        path: PathBuf,
    },
    /// The client key belongs to another certificate.
    #[snafu(display(
        "the client key in {} does not belong to the first certificate in {}; give the key that this certificate was made for, and the client's own certificate first",
        key.display(),
        certificate.display()
    ))]
    ClientKeyMismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// TLS could not be set up.
    #[snafu(display("TLS could not be set up"))]
    Tls {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
