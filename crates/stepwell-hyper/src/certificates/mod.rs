//! The certificate files of https, and the connector that uses them.

#[cfg(feature = "tls")]
mod tls;

use std::path::PathBuf;

use crate::connector::TcpConnector;

#[cfg(feature = "tls")]
pub(crate) type Connector = hyper_rustls::HttpsConnector<TcpConnector>;
#[cfg(not(feature = "tls"))]
pub(crate) type Connector = TcpConnector;

/// The certificate files. They are read when the transport is built.
#[derive(Clone, Debug, Default)]
#[cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "only TLS reads the files")
)]
pub(crate) struct Certificates {
    /// Trusted in addition to the platform's certificates.
    pub(crate) ca_file: Option<PathBuf>,
    /// The client certificate for mutual TLS, and its key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

#[cfg(not(feature = "tls"))]
impl Certificates {
    #[allow(clippy::unused_self, reason = "its twin with TLS reads the files")]
    pub(crate) fn connector(
        &self,
        base: &http::Uri,
        http: TcpConnector,
    ) -> Result<Connector, crate::error::HyperTransportError> {
        snafu::ensure!(base.scheme_str() != Some("https"), crate::error::NoTlsSnafu);
        Ok(http)
    }
}
