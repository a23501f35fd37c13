//! What connects.

use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::builder::{Certificates, HyperTransportError};

#[cfg(feature = "tls")]
pub(crate) type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "tls"))]
pub(crate) type Connector = HttpConnector;

/// What connects, with hyper-util's defaults overridden where they do not fit.
pub(crate) fn connector(
    base: &Uri,
    connect_timeout: Duration,
    certificates: &Certificates,
) -> Result<Connector, HyperTransportError> {
    let mut http = HttpConnector::new();
    // There is none by default: a host that drops packets would hold a step until the kernel gives up.
    http.set_connect_timeout(Some(connect_timeout));
    // Requests are one small write each; waiting to fill a packet only delays them.
    http.set_nodelay(true);
    // A peer that is gone is found out between polls.
    http.set_keepalive(Some(Duration::from_secs(30)));
    // The scheme is checked here, and https comes through the same connector.
    http.enforce_http(false);
    #[cfg(feature = "tls")]
    {
        crate::tls::connector(base, http, certificates)
    }
    #[cfg(not(feature = "tls"))]
    {
        let _ = certificates;
        if base.scheme_str() == Some("https") {
            Err(HyperTransportError::NoTls)
        } else {
            Ok(http)
        }
    }
}
