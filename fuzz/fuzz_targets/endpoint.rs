//! Any text as the address of a server.

#![no_main]

use http::Uri;
use libfuzzer_sys::fuzz_target;
use stepwell_arroyo::{Endpoint, PipelineId};

fuzz_target!(|text: &str| {
    if let Ok(uri) = text.parse::<Uri>() {
        let _ = Endpoint::from_uri(&uri);
    }
    match Endpoint::parse(text) {
        Ok(endpoint) => {
            let shown = endpoint.to_string();
            assert!(!shown.contains('@'), "{shown:?} may carry credentials");
            let is_plain = |character: char| !character.is_control() && !character.is_whitespace();
            assert!(shown.chars().all(is_plain), "{shown:?}");
            let uri: Uri = shown.parse().expect("a transport can be made of it");
            assert_eq!(Endpoint::from_uri(&uri), Ok(endpoint.clone()));
            let dashboard = endpoint.dashboard(&PipelineId::from_server(text));
            assert!(dashboard.starts_with(&shown));
            assert!(dashboard.parse::<Uri>().is_ok() || dashboard.len() > 60_000);
        }
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains('@'), "{shown:?} may carry credentials");
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
    }
});
