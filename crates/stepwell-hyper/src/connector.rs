//! Connecting to a server that may have several addresses.

use std::{
    error::Error,
    fmt,
    future::{Future, Ready, ready},
    io, iter,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name},
    rt::TokioIo,
};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tower_service::Service;

use crate::{client::http_connector, prepare::default_port};

/// How long an address is tried before the next one is tried beside it; hyper-util's default.
const HEAD_START: Duration = Duration::from_millis(300);

type BoxError = Box<dyn Error + Send + Sync>;
type Connection = TokioIo<TcpStream>;
type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks up the addresses of a host.
pub(crate) type Lookup = fn(String, u16) -> Addresses;

/// Connects over TCP to the addresses of a host. hyper-util's connector reports only the last address that failed; it is used here for one
/// address at a time.
#[derive(Clone)]
pub(crate) struct TcpConnector {
    lookup: Lookup,
    /// The addresses that were tried last, shared with the messages of the transport.
    pub(crate) tried: Tried,
}

impl TcpConnector {
    pub(crate) fn new(lookup: Lookup) -> Self {
        Self {
            lookup,
            tried: Tried::default(),
        }
    }
}

/// Looks up with the system's resolver.
pub(crate) fn system_lookup(host: String, port: u16) -> Addresses {
    Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
}

impl Service<Uri> for TcpConnector {
    type Response = Connection;
    type Error = ConnectFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, ConnectFailure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { lookup, tried } = self.clone();
        Box::pin(async move {
            tried.begin(&[]);
            let addresses = addresses(lookup, &uri).await?;
            tried.begin(&addresses);
            connect(uri, addresses, &tried).await
        })
    }
}

/// The addresses of the host, those of both families in turn.
async fn addresses(lookup: Lookup, uri: &Uri) -> Result<Vec<SocketAddr>, ConnectFailure> {
    let port = uri.port_u16().unwrap_or_else(|| default_port(uri));
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = lookup(host.to_owned(), port).await;
    let found = found.map_err(|source| ConnectFailure::Name { source })?;
    let first_is_v4 = found.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|address| address.is_ipv4() == first_is_v4);
    let mut second = second.into_iter();
    let mut both: Vec<_> = first
        .into_iter()
        .flat_map(|address| iter::once(address).chain(second.next()))
        .collect();
    both.extend(second);
    Ok(both)
}

/// Connects to the first address that accepts: each has a head start, and all of them share the result.
async fn connect(
    uri: Uri,
    addresses: Vec<SocketAddr>,
    tried: &Tried,
) -> Result<Connection, ConnectFailure> {
    if let [address] = addresses[..] {
        return connect_to(uri, address)
            .await
            .map_err(|last| ConnectFailure::Address { last });
    }
    let mut attempts = JoinSet::new();
    let mut left = addresses.into_iter();
    let mut last = None;
    loop {
        if let Some(address) = left.next() {
            let uri = uri.clone();
            attempts.spawn(async move { (address, connect_to(uri, address).await) });
        }
        let head_start = if left.len() > 0 {
            HEAD_START
        } else {
            Duration::MAX
        };
        match timeout(head_start, attempts.join_next()).await {
            Ok(Some(Ok((_, Ok(connection))))) => return Ok(connection),
            Ok(Some(Ok((address, Err(error))))) => {
                tried.ended(address, &*error);
                last = Some(error);
            }
            // Its runtime is shutting down; or it is the next one's turn.
            Ok(Some(Err(_))) | Err(_) => {}
            Ok(None) => {
                return Err(ConnectFailure::Addresses {
                    tried: tried.ends(),
                    last,
                });
            }
        }
    }
}

async fn connect_to(uri: Uri, address: SocketAddr) -> Result<Connection, BoxError> {
    let mut connector: HttpConnector<OneAddress> = http_connector(OneAddress(address));
    Ok(connector.call(uri).await?)
}

/// A resolver that knows one address.
#[derive(Clone)]
pub(crate) struct OneAddress(SocketAddr);

impl Service<Name> for OneAddress {
    type Response = iter::Once<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(iter::once(self.0)))
    }
}

/// The addresses that were tried last, each with its error if it has failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tried(Arc<Mutex<Vec<Attempt>>>);

/// An address, and how it failed.
type Attempt = (SocketAddr, Option<String>);

impl Tried {
    fn begin(&self, addresses: &[SocketAddr]) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.clear();
        tried.extend(addresses.iter().map(|address| (*address, None)));
    }

    fn ended(&self, address: SocketAddr, error: &(dyn Error + 'static)) {
        let mut cause = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, end)) = tried.iter_mut().find(|(tried, _)| *tried == address) {
            *end = Some(cause.to_string());
        }
    }

    /// Each address with its end; empty if there is at most one, which needs no list.
    pub(crate) fn ends(&self) -> String {
        let tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tried.len() < 2 {
            return String::new();
        }
        let ends = tried.iter().map(|(address, end)| match end {
            Some(end) => format!("{address}: {end}"),
            None => format!("{address}: no answer"),
        });
        ends.collect::<Vec<_>>().join("; ")
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectFailure {
    /// The host's name was not resolved.
    Name { source: io::Error },
    /// The only address failed.
    Address { last: BoxError },
    /// All addresses failed; `last` is the error of the last one.
    Addresses {
        tried: String,
        last: Option<BoxError>,
    },
}

impl ConnectFailure {
    /// Whether looking up the name may succeed later: the name server did not answer, or the machine is short of something. The code of
    /// `getaddrinfo` is lost in the standard library, and its text is not translated.
    pub(crate) fn is_temporary_lookup(&self) -> bool {
        /// Windows: no such host.
        const WSAHOST_NOT_FOUND: i32 = 11_001;
        let Self::Name { source } = self else {
            return false;
        };
        let text = source.to_string().to_ascii_lowercase();
        match source.raw_os_error() {
            Some(code) => code != WSAHOST_NOT_FOUND,
            None => text.contains("temporary failure") || text.contains("try again"),
        }
    }

    /// The error of the address that failed last.
    pub(crate) fn last(&self) -> Option<&(dyn Error + 'static)> {
        let last = match self {
            Self::Name { .. } => None,
            Self::Address { last } => Some(last),
            Self::Addresses { last, .. } => last.as_ref(),
        };
        last.map(|last| &**last as &(dyn Error + 'static))
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { .. } => formatter.write_str("the name could not be resolved"),
            Self::Address { last } => fmt::Display::fmt(last, formatter),
            Self::Addresses { tried, .. } if tried.is_empty() => {
                formatter.write_str("the name has no address")
            }
            Self::Addresses { tried, .. } => formatter.write_str(tried),
        }
    }
}

impl Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Name { source } => Some(source),
            Self::Address { last } => last.source(),
            // The list names it.
            Self::Addresses { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
