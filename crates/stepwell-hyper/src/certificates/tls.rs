use std::path::Path;

use http::Uri;
use rustls::{
    ClientConfig, ConfigBuilder, Error, InconsistentKeys, RootCertStore,
    client::WantsClientCert,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use snafu::{OptionExt, ResultExt, ensure};

use super::{Certificates, Connector};
use crate::connector::TcpConnector;
use crate::error::{
    CaFileSnafu, ClientCertificateFileSnafu, ClientKeyFileSnafu, ClientKeyMismatchSnafu,
    EncryptedClientKeySnafu, HyperTransportError, NoCertificateSnafu, NoClientCertificateSnafu,
    NoClientKeySnafu, NoRootsSnafu,
};

impl Certificates {
    /// Adds https to a connector that keeps serving http.
    pub(crate) fn connector(
        &self,
        base: &Uri,
        http: TcpConnector,
    ) -> Result<Connector, HyperTransportError> {
        let mut roots = RootCertStore::empty();
        let mut client = None;
        if base.scheme_str() == Some("https") {
            // Broken certificates of the platform are skipped.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if let Some(path) = &self.ca_file {
                add_file(&mut roots, path)?;
            }
            ensure!(!roots.is_empty(), NoRootsSnafu);
            client = self.client.as_ref();
        }
        let config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| HyperTransportError::Tls {
                source: error.into(),
            })?
            .with_root_certificates(roots);
        let config = match client {
            Some((certificate, key)) => with_client(config, certificate, key)?,
            None => config.with_no_client_auth(),
        };
        Ok(hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http))
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), HyperTransportError> {
    let pem = read(path).context(CaFileSnafu { path })?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .collect();
    let (added, _) = roots.add_parsable_certificates(certificates);
    ensure!(added > 0, NoCertificateSnafu { path });
    Ok(())
}

fn with_client(
    config: ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: &Path,
    key: &Path,
) -> Result<ClientConfig, HyperTransportError> {
    let pem = read(certificate).context(ClientCertificateFileSnafu { path: certificate })?;
    // One broken certificate fails the file: without it the server could not build the chain to its CA.
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .ok()
        .filter(|chain: &Vec<_>| !chain.is_empty())
        .context(NoClientCertificateSnafu { path: certificate })?;
    config
        .with_client_auth_cert(chain, read_key(key)?)
        .map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                ClientKeyMismatchSnafu { certificate, key }.build()
            }
            // The key's bytes cannot be parsed.
            Error::General(_) => NoClientKeySnafu { path: key }.build(),
            _ => NoClientCertificateSnafu { path: certificate }.build(),
        })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, HyperTransportError> {
    let pem = read(path).context(ClientKeyFileSnafu { path })?;
    // The parser's error is dropped, because it repeats lines of the key.
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => Ok(key),
        Err(_) if is_encrypted(&pem) => EncryptedClientKeySnafu { path }.fail(),
        Err(_) => NoClientKeySnafu { path }.fail(),
    }
}

/// Reads a file without a leading byte order mark, which some editors write and the parser does not expect.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = std::fs::read(path)?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether the file is marked as encrypted. PKCS #8 has the mark in its first line, the older format in a header.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains("Proc-Type: 4,ENCRYPTED")
}
