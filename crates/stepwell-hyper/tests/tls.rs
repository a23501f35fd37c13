//! https against a server in this process.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use stepwell_hyper::{HyperTransport, HyperTransportError};
use stepwell_transport::{Phase, TransportErrorKind as Kind};
use support::{Raw, Then, chain, fetch, ok, serve_tls};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

/// Starts a server with a self-signed certificate for this name, and returns the certificate and the URL.
async fn server(name: &str) -> (String, String) {
    let signed = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    (signed.cert.pem(), serve_tls(config, "secret").await)
}

#[tokio::test]
async fn a_private_certificate_needs_its_file() {
    let (pem, url) = server("localhost").await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();

    let trusting = HyperTransport::builder(&url)
        .ca_file(&path)
        .build()
        .unwrap();
    assert_eq!(fetch(&trusting).await.unwrap(), "secret");

    let wary = HyperTransport::builder(&url).build().unwrap();
    let error = fetch(&wary).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Tls, Phase::NotSent),
        "{}",
        chain(&error)
    );
    assert!(chain(&error).contains("UnknownIssuer"), "{}", chain(&error));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (pem, url) = server("elsewhere.test").await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    let transport = HyperTransport::builder(&url)
        .ca_file(&path)
        .build()
        .unwrap();
    let error = fetch(&transport).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Tls, Phase::NotSent),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn a_server_without_tls_is_named_so() {
    // It answers anything with plain HTTP.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await;
        }
    });
    let transport = HyperTransport::builder(format!("https://{address}"))
        .build()
        .unwrap();
    let error = fetch(&transport).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Tls, Phase::NotSent),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn plain_http_stays_possible() {
    let server = Raw::start(|_| Then::Keep(ok("x"))).await;
    assert_eq!(fetch(&server.transport()).await.unwrap(), "x");
}

#[test]
fn certificate_files_that_are_none_are_refused_before_any_connection() {
    let directory = tempfile::tempdir().unwrap();
    let build = |path: &std::path::Path| {
        HyperTransport::builder("https://host")
            .ca_file(path)
            .build()
            .unwrap_err()
    };
    let missing = build(&directory.path().join("missing.pem"));
    assert!(
        matches!(missing, HyperTransportError::CaFile { .. }),
        "{missing}"
    );
    let empty = directory.path().join("empty.pem");
    for text in [
        "",
        "hello",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        std::fs::write(&empty, text).unwrap();
        let error = build(&empty);
        assert!(
            matches!(error, HyperTransportError::NoCertificate { .. }),
            "{error}"
        );
    }
}
