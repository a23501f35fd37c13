use std::net::Ipv4Addr;

use bytes::Bytes;
use http::Request;
use stepwell_transport::{Phase, Timeout, Transport, TransportError, TransportErrorKind};
use tokio::net::TcpSocket;

use super::*;
use crate::HyperTransport;

async fn ping(lookup: Lookup, port: u16, within: Duration) -> TransportError {
    let transport = HyperTransport::builder(format!("http://arroyo.test:{port}"))
        .lookup(lookup)
        .build()
        .unwrap();
    let mut request = Request::new(Bytes::new());
    request.extensions_mut().insert(Timeout(within));
    transport.execute(request).await.unwrap_err()
}

fn chain(error: &TransportError) -> String {
    let causes = iter::successors(Some(error as &dyn Error), |&error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn on(ip: [u8; 4], port: u16) -> SocketAddr {
    (Ipv4Addr::from(ip), port).into()
}

/// A port on which 127.0.0.1 accepts no connection and does not refuse one either, and on which nothing else listens.
async fn black_hole() -> (tokio::net::TcpListener, Vec<TcpStream>, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(on([127, 0, 0, 1], 0)).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    // Until its queue is full.
    while let Ok(connected) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(connected.unwrap());
    }
    (listener, waiting, address.port())
}

#[tokio::test]
async fn each_address_that_was_tried_is_named_with_its_end() {
    let lookup: Lookup = |_, port| {
        Box::pin(async move { Ok(vec![on([127, 0, 0, 1], port), on([127, 0, 0, 2], port)]) })
    };
    let (_listener, _waiting, port) = black_hole().await;
    let error = ping(lookup, port, Duration::from_secs(1)).await;
    assert_eq!(error.kind(), TransportErrorKind::TimedOut);
    assert_eq!(error.phase(), Phase::NotSent);
    let text = chain(&error);
    assert!(
        text.contains(&format!(
            "127.0.0.1:{port}: no answer; 127.0.0.2:{port}: Connection refused"
        )),
        "{text}"
    );

    // All have failed before the timeout.
    let lookup: Lookup =
        |_, _| Box::pin(async { Ok(vec![on([127, 0, 0, 1], 1), on([127, 0, 0, 2], 1)]) });
    let error = ping(lookup, 1, Duration::from_secs(5)).await;
    assert_eq!(error.kind(), TransportErrorKind::Refused);
    assert_eq!(error.phase(), Phase::NotSent);
    let text = chain(&error);
    for address in [
        "127.0.0.1:1: Connection refused",
        "127.0.0.2:1: Connection refused",
    ] {
        assert!(text.contains(address), "{text}");
    }
}

#[tokio::test]
async fn an_address_that_accepts_is_found_behind_others_that_do_not() {
    let lookup: Lookup = |_, port| {
        let [hole, closed, open] = [1, 2, 3].map(|last| on([127, 0, 0, last], port));
        Box::pin(async move { Ok(vec![hole, closed, open]) })
    };
    let (_listener, _waiting, port) = black_hole().await;
    let open = tokio::net::TcpListener::bind(on([127, 0, 0, 3], port))
        .await
        .unwrap();
    let uri: Uri = format!("http://arroyo.test:{port}/").parse().unwrap();
    let connected = TcpConnector::new(lookup).call(uri).await.unwrap();
    let (_, peer) = open.accept().await.unwrap();
    assert_eq!(connected.inner().local_addr().unwrap(), peer);
}

#[tokio::test]
async fn a_temporary_failure_to_look_up_the_name_may_pass_and_another_does_not() {
    let temporary: [Lookup; 2] = [
        |_, _| {
            Box::pin(async {
                Err(io::Error::other(
                    "failed to lookup address information: Temporary failure in name resolution",
                ))
            })
        },
        |_, _| Box::pin(async { Err(io::Error::from_raw_os_error(24)) }),
    ];
    for lookup in temporary {
        let error = ping(lookup, 1, Duration::from_secs(5)).await;
        assert_eq!(
            error.kind(),
            TransportErrorKind::NameLookup,
            "{}",
            chain(&error)
        );
        assert_eq!(error.phase(), Phase::NotSent);
    }
    let unknown: Lookup = |_, _| {
        Box::pin(async {
            Err(io::Error::other(
                "failed to lookup address information: Name or service not known",
            ))
        })
    };
    let none: Lookup = |_, _| Box::pin(async { Ok(Vec::new()) });
    let error = ping(unknown, 1, Duration::from_secs(5)).await;
    assert_eq!(error.kind(), TransportErrorKind::UnknownHost);
    let error = ping(none, 1, Duration::from_secs(5)).await;
    assert_eq!(error.phase(), Phase::NotSent);
    assert!(chain(&error).contains("no address"), "{}", chain(&error));
}
