//! The two transports, each with its own world.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use stepwell::{
    HyperTransport, SharedTransport, Transport,
    transport::{
        FakeTransport, Phase, Token, TransportError, TransportErrorKind,
        bytes::Bytes,
        http::{self, Uri},
    },
};

use crate::{
    ADDRESS_PASSWORD, TOKEN,
    shown::Shown,
    support::server::{Reply, Request, Server},
    world::World,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fake,
    Sockets,
}

/// A transport, and the server that it talks to.
pub(crate) struct Line {
    pub(crate) transport: SharedTransport,
    server: Option<Server>,
}

impl Line {
    pub(crate) fn to(world: World, kind: Kind, shown: &Shown) -> Self {
        match kind {
            Kind::Fake => {
                // Another implementation may return such an address, although it should not.
                let address = format!("http://user:{ADDRESS_PASSWORD}@fake.test:5115");
                let transport = Scripted {
                    fake: FakeTransport::any_order().at(&address),
                    world: Mutex::new(world),
                };
                shown.value("FakeTransport", &transport.fake);
                Self {
                    transport: transport.into_shared(),
                    server: None,
                }
            }
            Kind::Sockets => {
                let world = Arc::new(world);
                let server = Server::start_on(move |request| world.answer(request));
                let builder =
                    HyperTransport::builder(&server.url).token(Token::new(TOKEN).unwrap());
                shown.value("HyperTransportBuilder", &builder);
                let transport = builder.build().unwrap();
                shown.value("HyperTransport", &transport);
                Self {
                    transport: transport.into_shared(),
                    server: Some(server),
                }
            }
        }
    }

    /// All requests.
    pub(crate) fn received(&self) -> String {
        self.server
            .as_ref()
            .map(Server::received)
            .unwrap_or_default()
    }
}

/// A fake that is answered by a world.
struct Scripted {
    fake: FakeTransport,
    world: Mutex<World>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fake.fmt(formatter)
    }
}

impl Transport for Scripted {
    async fn execute(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let (method, path) = (request.method().clone(), request.uri().to_string());
        let body = String::from_utf8_lossy(request.body());
        let answer = self.world.lock().unwrap().answer(&Request {
            number: 0,
            method: method.to_string(),
            path: path.clone(),
            text: format!("{method} {path} HTTP/1.1\r\n\r\n{body}"),
        });
        let expected = self.fake.expect(method, path);
        match answer {
            Reply::Whole(status, content_type, body) => {
                expected.reply_text(status, content_type, body)
            }
            Reply::Hang => expected.hang(),
            Reply::Raw(_) | Reply::Pieces(_) | Reply::Flood => {
                expected.fail(TransportErrorKind::Closed, Phase::MaybeSent)
            }
        };
        self.fake.execute(request).await
    }

    fn base_url(&self) -> Option<Uri> {
        self.fake.base_url()
    }
}
