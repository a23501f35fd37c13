use std::path::Path;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use snafu::{ResultExt, ensure};

use crate::{
    builder::{CaFileSnafu, HyperTransportError, NoCertificateSnafu, NoRootsSnafu},
    connector::Connector,
};

/// https with the platform's roots and those of a file; plain http stays possible.
pub(crate) fn connector(
    base: &Uri,
    http: HttpConnector,
    ca_file: Option<&Path>,
) -> Result<Connector, HyperTransportError> {
    let mut roots = RootCertStore::empty();
    if base.scheme_str() == Some("https") {
        // Some of the platform's may be broken; the others are enough.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca_file {
            add_file(&mut roots, path)?;
        }
        ensure!(!roots.is_empty(), NoRootsSnafu);
    }
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| HyperTransportError::Tls {
            source: error.into(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), HyperTransportError> {
    let pem = std::fs::read(path).context(CaFileSnafu { path })?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .collect();
    let (added, _) = roots.add_parsable_certificates(certificates);
    ensure!(added > 0, NoCertificateSnafu { path });
    Ok(())
}
