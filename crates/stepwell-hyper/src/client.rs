//! hyper-util's client, with the defaults overridden that do not fit.

use std::time::Duration;

use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{certificates::Connector, write_gate::RequestBody};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of header fields in a reply. hyper's default is 100, which a chain of proxies can exceed.
pub(crate) const MAX_HEADERS: usize = 256;

/// The maximum size of the head of a reply, in bytes. This is hyper's default.
pub(crate) const MAX_HEAD: usize = 408 * 1024;

/// A connector to the addresses that the resolver gives.
pub(crate) fn http_connector<R>(resolver: R) -> HttpConnector<R> {
    let mut http = HttpConnector::new_with_resolver(resolver);
    // There is no timeout by default: a host that drops packets would block a request until the kernel gives up.
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    // A request is one small write, which Nagle's algorithm would only delay.
    http.set_nodelay(true);
    // Keepalive detects a peer that disappears between two requests.
    http.set_keepalive(Some(Duration::from_secs(30)));
    // The builder has checked the scheme, and https uses this connector, too.
    http.enforce_http(false);
    http
}

pub(crate) fn client(connector: Connector, permits: usize) -> Client<Connector, RequestBody> {
    Client::builder(TokioExecutor::new())
        // Without a timer an idle connection is only evicted when the next request asks for one.
        .pool_timer(TokioTimer::new())
        // Servers and proxies usually close idle connections after a minute.
        .pool_idle_timeout(Duration::from_secs(20))
        // As many as there can be requests in flight: with fewer, concurrent submissions would open a connection for nearly every second
        // request.
        .pool_max_idle_per_host(permits)
        // A request that was never written is sent on another connection. hyper-util repeats no other request.
        .retry_canceled_requests(true)
        .http1_max_headers(MAX_HEADERS)
        .http1_max_buf_size(MAX_HEAD)
        // `RequestTemplate` has added the header.
        .set_host(false)
        .build(connector)
}
