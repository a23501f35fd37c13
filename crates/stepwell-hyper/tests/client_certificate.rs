//! https against a server in this process that requests a client certificate.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{path::PathBuf, sync::Arc};

use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use stepwell_hyper::{HyperTransport, HyperTransportBuilder, HyperTransportError as Error};
use stepwell_transport::{Phase, Transport as _, TransportErrorKind as Kind};
use support::{chain, fetch, request, serve_tls};
use tempfile::TempDir;

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for localhost with its key, as PEM and as DER.
    fn sign(&self) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (parameters.signed_by(&key, &self.0).unwrap(), key)
    }
}

/// A server that only accepts client certificates of its CA, and a directory with the files that a client needs.
struct World {
    authority: Authority,
    url: String,
    directory: TempDir,
}

impl World {
    async fn new(version: &'static SupportedProtocolVersion) -> Self {
        let authority = Authority::new();
        let mut roots = RootCertStore::empty();
        roots.add(authority.0.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                .build()
                .unwrap();
        let (certificate, key) = authority.sign();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let world = Self {
            url: serve_tls(config, "known").await,
            authority,
            directory: tempfile::tempdir().unwrap(),
        };
        world.write("ca.pem", &world.authority.0.pem());
        let (certificate, key) = world.authority.sign();
        world.write("client.pem", &certificate.pem());
        world.write("client.key", &key.serialize_pem());
        world
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn builder(&self) -> HyperTransportBuilder {
        HyperTransport::builder(&self.url).ca_file(self.path("ca.pem"))
    }

    /// The error of building a transport with these files.
    fn refusal(&self, certificate: &str, key: &str) -> Error {
        self.builder()
            .client_certificate(self.path(certificate), self.path(key))
            .build()
            .unwrap_err()
    }
}

#[tokio::test]
async fn the_right_certificate_is_taken() {
    for version in [&TLS12, &TLS13] {
        let world = World::new(version).await;
        let transport = world
            .builder()
            .client_certificate(world.path("client.pem"), world.path("client.key"))
            .build()
            .unwrap();
        assert_eq!(fetch(&transport).await.unwrap(), "known");

        // Both are in one file, in either order.
        let read = |name| std::fs::read_to_string(world.path(name)).unwrap();
        let (certificate, key) = (read("client.pem"), read("client.key"));
        for text in [format!("{certificate}{key}"), format!("{key}{certificate}")] {
            let both = world.write("both.pem", &text);
            let transport = world
                .builder()
                .client_certificate(&both, &both)
                .build()
                .unwrap();
            assert_eq!(fetch(&transport).await.unwrap(), "known");
        }
    }
}

/// In TLS 1.2 the refusal arrives during the handshake, in TLS 1.3 instead of the reply. The client reports the same except for the phase:
/// a correct server does not read what was sent after the handshake, but the client cannot verify that.
#[tokio::test]
async fn a_server_that_refuses_the_client_is_told_from_a_connection_that_broke() {
    for (version, phase) in [(&TLS12, Phase::NotSent), (&TLS13, Phase::MaybeSent)] {
        let world = World::new(version).await;
        let (certificate, key) = Authority::new().sign();
        let certificate = world.write("stranger.pem", &certificate.pem());
        let key = world.write("stranger.key", &key.serialize_pem());

        let without = world.builder().build().unwrap();
        let stranger = world
            .builder()
            .client_certificate(certificate, key)
            .build()
            .unwrap();
        for (transport, words) in [
            (
                without,
                "asks for a client certificate; give one with its key",
            ),
            (
                stranger,
                "does not take the client certificate; is it valid today, and of a CA that the server trusts?",
            ),
        ] {
            for method in [Method::GET, Method::POST] {
                let error = transport
                    .execute(request(method, "/x", ""))
                    .await
                    .unwrap_err();
                let text = chain(&error);
                assert_eq!((error.kind(), error.phase()), (Kind::Tls, phase), "{text}");
                assert!(text.contains(words), "{text}");
                assert!(text.contains("received fatal alert"), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn files_that_are_none_are_refused_before_any_connection() {
    let world = World::new(&TLS13).await;
    let missing = world.refusal("missing.pem", "client.key");
    assert!(
        matches!(missing, Error::ClientCertificateFile { .. }),
        "{missing}"
    );
    let missing = world.refusal("client.pem", "missing.key");
    assert!(matches!(missing, Error::ClientKeyFile { .. }), "{missing}");

    let good = std::fs::read_to_string(world.path("client.pem")).unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut = &good[..good.len() / 2];
    for text in ["", "hello", broken, cut, &format!("{good}{cut}")] {
        world.write("broken.pem", text);
        let error = world.refusal("broken.pem", "client.key");
        assert!(
            matches!(error, Error::NoClientCertificate { .. }),
            "{text}: {error}"
        );
        assert!(error.to_string().contains("BEGIN CERTIFICATE"), "{error}");
    }
    // The two files are swapped.
    let error = world.refusal("client.key", "client.pem");
    assert!(
        matches!(error, Error::NoClientCertificate { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused_before_any_connection() {
    let world = World::new(&TLS13).await;
    world.write("other.key", &KeyPair::generate().unwrap().serialize_pem());
    let error = world.refusal("client.pem", "other.key");
    assert!(matches!(error, Error::ClientKeyMismatch { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("client.pem") && text.contains("other.key"),
        "{text}"
    );

    // The CA's certificate comes first, and it has another key, too.
    let chain = format!(
        "{}{}",
        world.authority.0.pem(),
        std::fs::read_to_string(world.path("client.pem")).unwrap()
    );
    world.write("wrong order.pem", &chain);
    let error = world.refusal("wrong order.pem", "client.key");
    assert!(matches!(error, Error::ClientKeyMismatch { .. }), "{error}");
}

/// The error of a broken key file must not repeat the key, as the parser's error does.
#[tokio::test]
async fn nothing_of_a_key_is_ever_shown() {
    let world = World::new(&TLS13).await;
    let good = std::fs::read_to_string(world.path("client.key")).unwrap();
    let secret = good.lines().nth(1).unwrap().to_owned();
    let lines: Vec<&str> = good.lines().collect();
    for (text, encrypted) in [
        (good.replace("-----END", "----END"), false),
        (
            good.replace(&secret, &format!("-----BEGIN {secret}")),
            false,
        ),
        (good.replace(&secret, &format!("{secret}!")), false),
        (good.replace(&secret, ""), false),
        (lines[..2].join("\n"), false),
        (secret.clone(), false),
        (good.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), true),
        (
            good.replace("PRIVATE KEY", "EC PRIVATE KEY").replace(
                &secret,
                &format!("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{secret}"),
            ),
            true,
        ),
    ] {
        world.write("broken.key", &text);
        let error = world.refusal("client.pem", "broken.key");
        let fits = if encrypted {
            matches!(error, Error::EncryptedClientKey { .. })
        } else {
            matches!(error, Error::NoClientKey { .. })
        };
        let shown = format!("{} {error:?}", chain(&error));
        assert!(fits, "{shown}");
        assert!(!shown.contains(&secret[..16]), "{shown}");
        assert!(shown.contains("broken.key"), "{shown}");
    }
    let builder = world
        .builder()
        .client_certificate(world.path("client.pem"), world.path("client.key"));
    assert!(
        format!("{builder:?}").contains("client.key"),
        "its path, no more"
    );
    let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(!shown.contains(&secret[..16]), "{shown}");
}

/// Plain http ignores the CA file as well.
#[test]
fn without_https_the_files_are_not_read() {
    HyperTransport::builder("http://host")
        .client_certificate("missing.pem", "missing.key")
        .build()
        .unwrap();
}
