//! A password in the server's address: every entry point refuses it without showing it.

use stepwell::{HyperTransport, arroyo::Endpoint, transport::http::Uri};

use crate::{ADDRESS_PASSWORD, shown::Shown};

/// Addresses with a password, in correct and incorrect spellings.
pub(crate) fn addresses() -> Vec<String> {
    let password = ADDRESS_PASSWORD;
    [
        "http://user:P@127.0.0.1:1",
        "https://user:P@host/prefix",
        "http://P@host",
        "user:P@host:5115",
        "http:user:P@host",
        "http:/user:P@host",
        "http//user:P@host",
        "http;//user:P@host:1",
        "http:\\\\user:P@host",
        "http:// user:P@host",
        "http://http://user:P@host",
        "ftp://user:P@host",
        // A slash in a password ends the authority.
        "http://user:12/P@host",
        "http://user:P/12@host",
        "http://user:12?P@host",
        "http://user:12#P@host",
        "http://[user:P@::1]:1",
    ]
    .map(|address| address.replace('P', password))
    .to_vec()
}

pub(crate) fn check(shown: &Shown) {
    for address in addresses() {
        shown.error("EndpointError", &Endpoint::parse(&address).unwrap_err());
        shown.error("EndpointError", &address.parse::<Endpoint>().unwrap_err());
        // `Uri` drops everything after a #, so no password is left.
        if let Ok(uri) = address.parse::<Uri>() {
            match Endpoint::from_uri(&uri) {
                Ok(endpoint) => shown.text("Endpoint", &endpoint),
                Err(error) => shown.error("EndpointError", &error),
            }
        }
        let builder = HyperTransport::builder(&address);
        shown.value("HyperTransportBuilder", &builder);
        shown.error("HyperTransportError", &builder.build().unwrap_err());
    }
    shown.text("Endpoint", &Endpoint::parse("http://host:5115").unwrap());
}
