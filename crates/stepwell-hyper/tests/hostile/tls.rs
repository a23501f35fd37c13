//! The same with TLS, where a connection that was closed differs from one that was cut.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use stepwell_hyper::HyperTransport;
use stepwell_transport::{Phase, TransportErrorKind as Kind};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    check::{DEADLINE, Outcome, send, send_past_the_deadline, write},
    server::{Act, Hostile},
    support::{chain, get, ok, read},
};

/// A certificate for localhost, and its file.
struct Certificate {
    acceptor: TlsAcceptor,
    directory: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), signed.cert.pem()).unwrap();
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            directory,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn transport(&self, port: u16) -> HyperTransport {
        HyperTransport::builder(format!("https://localhost:{port}"))
            .ca_file(self.file())
            .build()
            .unwrap()
    }
}

/// How the first connection ends once the reply has been sent.
#[derive(Clone, Copy, Debug)]
enum End {
    /// With a `close_notify`, as TLS requires.
    Told,
    /// Without a `close_notify`, as if the connection had been cut.
    Cut,
    /// With bytes that are not TLS.
    Garbage,
    /// With a reset.
    Reset,
}

impl End {
    async fn perform(self, mut connection: TlsStream<TcpStream>) {
        match self {
            Self::Told => connection.shutdown().await.unwrap(),
            Self::Cut => {}
            Self::Garbage => {
                let (socket, _) = connection.get_mut();
                socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            }
            Self::Reset => {
                let (socket, _) = connection.get_mut();
                #[allow(deprecated, reason = "a linger of zero does not block")]
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
    }
}

/// Starts a server that answers the first request with `reply` and ends that connection as given. It serves every other connection well.
async fn server(certificate: &Certificate, reply: &'static [u8], end: End) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = certificate.acceptor.clone();
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let mut connection = acceptor.accept(connection).await.unwrap();
        read(&mut connection).await.unwrap();
        connection.write_all(reply).await.unwrap();
        connection.flush().await.unwrap();
        end.perform(connection).await;
        while let Ok((connection, _)) = listener.accept().await {
            let mut connection = acceptor.accept(connection).await.unwrap();
            while read(&mut connection).await.is_some() {
                connection.write_all(&ok("well")).await.unwrap();
            }
        }
    });
    port
}

const UNTIL_THE_END: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nwhat";
const LENGTH: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";

/// Sends a write to such a server and returns the outcome. The next request must be answered.
async fn play(certificate: &Certificate, reply: &'static [u8], end: End) -> Outcome {
    let port = server(certificate, reply, end).await;
    let transport = certificate.transport(port);
    let outcome = send(&transport, write(), DEADLINE).await;
    let next = send(&transport, get("/x"), DEADLINE).await;
    assert_eq!(next.expect("the next request is answered").body(), "well");
    outcome
}

#[tokio::test]
async fn a_reply_that_was_cut_is_not_one_that_has_ended() {
    let certificate = Certificate::new();
    let told = play(&certificate, UNTIL_THE_END, End::Told).await;
    assert_eq!(told.unwrap().body(), "what");
    for (reply, end, phase) in [
        (UNTIL_THE_END, End::Cut, Phase::Responded),
        (LENGTH, End::Told, Phase::Responded),
        (LENGTH, End::Cut, Phase::Responded),
        (b"", End::Told, Phase::MaybeSent),
        (b"", End::Cut, Phase::MaybeSent),
        (b"", End::Garbage, Phase::MaybeSent),
        (b"", End::Reset, Phase::MaybeSent),
    ] {
        let error = play(&certificate, reply, end).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (Kind::Closed, phase),
            "{end:?} after {}: {}",
            reply.escape_ascii(),
            chain(&error)
        );
    }
}

#[tokio::test]
async fn a_reply_with_garbage_or_a_reset_in_its_place_is_none() {
    let certificate = Certificate::new();
    for reply in [UNTIL_THE_END, LENGTH] {
        for end in [End::Garbage, End::Reset] {
            let error = play(&certificate, reply, end).await.unwrap_err();
            // If both arrive together, the end is seen before the reply.
            assert!(
                matches!(error.kind(), Kind::Closed | Kind::Protocol),
                "{}",
                chain(&error)
            );
            assert_ne!(error.phase(), Phase::NotSent, "{}", chain(&error));
        }
    }
}

#[tokio::test]
async fn what_ends_in_the_handshake_was_not_sent() {
    let certificate = Certificate::new();
    for (script, kind) in [
        (vec![Act::Take(1), Act::Reset], Kind::Closed),
        (vec![Act::Take(1), Act::HalfClose, Act::Gone], Kind::Closed),
        (vec![Act::Gone], Kind::TimedOut),
        // The beginning of a TLS record, and no more.
        (
            vec![Act::Send(b"\x16\x03\x03".to_vec()), Act::Gone],
            Kind::TimedOut,
        ),
        // A TLS alert: no protocol in common.
        (
            vec![
                Act::Take(1),
                Act::Send(b"\x15\x03\x03\x00\x02\x02\x46".to_vec()),
                Act::Gone,
            ],
            Kind::Tls,
        ),
    ] {
        let name = format!("{script:?}");
        let server = Hostile::start([script]).await;
        let port = server.address.rsplit_once(':').unwrap().1.parse().unwrap();
        let transport = certificate.transport(port);
        let outcome = if kind == Kind::TimedOut {
            send_past_the_deadline(&server, &transport, write()).await
        } else {
            send(&transport, write(), DEADLINE).await
        };
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (kind, Phase::NotSent),
            "{name}: {}",
            chain(&error)
        );
    }
}
