//! Properties of every address that is parsed from any text.

use http::Uri;
use proptest::prelude::*;
use stepwell_arroyo::{Endpoint, EndpointError, PipelineId};

/// The pieces of addresses and mistakes. Random text alone rarely gets past the scheme.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "http", "https", "HTTP", "ftp", ":", "/", "//", "://", "@", "?", "#", "[", "]", "[::1]", "[fe80::1%25eth0]", "host",
            "Host.Example", "127.0.0.1", ":5115", ":0", ":99999", "/api", "/api/v1", "/Team-A", "%2F", "%", ".", "..", "\\", " ", "\t",
            "\u{A0}", "\u{3000}", "\u{202E}", "é", "\0", "\r\n",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec!["", "http://", "https://host", "http://host:5115"]);
    (start, prop::collection::vec(piece(), 0..10))
        .prop_map(|(start, pieces)| start.to_owned() + &pieces.concat())
}

/// A valid address: its scheme, its host with port, and its prefix.
fn usable() -> impl Strategy<Value = (&'static str, String, String)> {
    let scheme = prop::sample::select(vec!["http", "https"]);
    let host = "([a-z][a-z0-9]{0,8}(\\.[a-z]{2,5})?|127\\.0\\.0\\.1|\\[::1\\])(:[1-9][0-9]{0,3})?";
    // Each segment has a character that no segment of the API's own paths has.
    let prefix = "(/[A-Za-z0-9._~%-]{0,5}[~_.-]){0,4}";
    (scheme, host, prefix)
}

/// Failing cases are shown completely, so none is stored in a file.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn shown(endpoint: &Result<Endpoint, EndpointError>) -> String {
    match endpoint {
        Ok(endpoint) => format!("{endpoint} {endpoint:?} {}", endpoint.as_str()),
        Err(error) => format!("{error} {error:?}"),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_an_address_or_an_error(text in text()) {
        let Ok(endpoint) = Endpoint::parse(&text) else {
            return Ok(());
        };
        let shown = endpoint.to_string();
        prop_assert_eq!(&shown, endpoint.as_str());
        // It is shown on lines of logs and terminals.
        let is_plain = shown
            .chars()
            .all(|character| !character.is_control() && !character.is_whitespace() && character != '\u{202E}');
        prop_assert!(is_plain, "{:?}", shown);
        // The base URL of a transport for it is the same address.
        let uri = shown.parse::<Uri>();
        prop_assert!(uri.is_ok(), "{:?}", shown);
        prop_assert_eq!(Endpoint::from_uri(&uri.unwrap()), Ok(endpoint.clone()));
        // So is the address when it is copied, unless it ends like the API's own path.
        if !shown.ends_with("/api") && !shown.ends_with("/api/v1") {
            prop_assert_eq!(shown.parse(), Ok(endpoint));
        }
    }

    #[test]
    fn credentials_are_refused_and_shown_nowhere(
        before in prop::sample::select(vec!["", "http:", "http:/", "http://", "https://", "ftp://", "http://host/", "http://host?"]),
        user in "[a-z]{0,5}",
        around in ("[:/?#\\[]{0,2}", "[/?#%]{0,2}"),
        after in "[a-z0-9:./]{0,12}",
    ) {
        let address = format!("{before}{user}:{}S3CRET{}@{after}", around.0, around.1);
        let endpoint = Endpoint::parse(&address);
        prop_assert!(endpoint.is_err(), "{address}");
        let shown = shown(&endpoint);
        prop_assert!(!shown.to_lowercase().contains("s3cret"), "{address}: {shown}");
        // `Uri` drops everything after a #, and the rest may look like a path.
        if let Ok(uri) = address.parse::<Uri>() && uri.to_string().contains('@') {
            let shown = self::shown(&Endpoint::from_uri(&uri));
            prop_assert!(!shown.to_lowercase().contains("s3cret"), "{address}: {shown}");
        }
    }

    #[test]
    fn the_prefix_stays_and_the_apis_own_path_goes(
        (scheme, host, prefix) in usable(),
        api in prop::sample::select(vec!["", "/api", "/api/v1"]),
        end in "/{0,2}",
        id in any::<String>(),
    ) {
        let base = format!("{scheme}://{host}{prefix}");
        let endpoint = Endpoint::parse(&format!("{base}{api}{end}"));
        prop_assert_eq!(endpoint.as_ref().map(Endpoint::as_str), Ok(base.as_str()));
        // Every id is one segment under the prefix.
        let dashboard = endpoint.unwrap().dashboard(&PipelineId::from_server(id));
        let segment = dashboard.strip_prefix(&format!("{base}/pipelines/"));
        prop_assert!(
            segment.is_some_and(|segment| !segment.contains(['/', '?', '#'])),
            "{dashboard}"
        );
        let uri = dashboard.parse::<Uri>();
        let starts = uri.is_ok_and(|uri| uri.path().starts_with(&format!("{prefix}/pipelines/")));
        prop_assert!(starts, "{dashboard}");
    }
}
