use super::*;

#[test]
fn all_forms_of_an_address_come_to_one() {
    for (text, normal) in [
        ("http://host:5115", "http://host:5115"),
        ("http://host:5115/", "http://host:5115"),
        ("http://host:5115//", "http://host:5115"),
        ("http://host:5115/api", "http://host:5115"),
        ("http://host:5115/api/", "http://host:5115"),
        ("http://host:5115/api/v1", "http://host:5115"),
        ("http://host:5115/api/v1/", "http://host:5115"),
        ("  http://host:5115\n", "http://host:5115"),
        ("HTTP://Host.Example:5115", "http://host.example:5115"),
        ("https://host", "https://host"),
        ("http://127.0.0.1:5115", "http://127.0.0.1:5115"),
        ("http://[::1]:5115", "http://[::1]:5115"),
        ("http://[::1]/api/", "http://[::1]"),
        ("http://[FE80::1]:5115", "http://[fe80::1]:5115"),
        ("https://host/arroyo", "https://host/arroyo"),
        ("https://host/arroyo/", "https://host/arroyo"),
        ("https://host/arroyo/api/v1/", "https://host/arroyo"),
        (
            "https://host/Team-A/arroyo/api",
            "https://host/Team-A/arroyo",
        ),
        // Part of a name, not the API's path.
        ("https://host/my-api", "https://host/my-api"),
        ("https://host/api/arroyo", "https://host/api/arroyo"),
    ] {
        let endpoint = Endpoint::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(endpoint.as_str(), normal, "{text}");
        assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "{text}");
    }
    // Under a prefix that looks like the API's path.
    let endpoint = Endpoint::parse("https://host/api/api/v1").unwrap();
    assert_eq!(endpoint.as_str(), "https://host/api");
    assert_eq!(
        Endpoint::from_uri(&endpoint.as_str().parse().unwrap()),
        Ok(endpoint)
    );
}

#[test]
fn what_is_no_address_is_told_apart() {
    use EndpointError as E;
    let no_scheme = |suggestion: &str| E::NoScheme {
        suggestion: suggestion.to_owned(),
    };
    let scheme = |scheme: &str| E::Scheme {
        scheme: scheme.to_owned(),
    };
    for (text, expected) in [
        ("", E::Empty),
        (" \t\n", E::Empty),
        ("localhost", no_scheme("http://localhost")),
        ("localhost:5115", no_scheme("http://localhost:5115")),
        ("host:5115/api/v1", no_scheme("http://host:5115")),
        ("//host:5115", no_scheme("http://host:5115")),
        ("://host:5115", no_scheme("http://host:5115")),
        ("http:host:5115", no_scheme("http://host:5115")),
        ("https:/host", no_scheme("https://host")),
        ("[::1]:5115", no_scheme("http://[::1]:5115")),
        ("::1", E::Brackets),
        ("http://::1:5115", E::Brackets),
        ("http://fe80::1", E::Brackets),
        ("ws://host:5115", scheme("ws")),
        ("grpc+tls://host", scheme("grpc+tls")),
        ("ftp://host", scheme("ftp")),
        ("http://", E::NoHost),
        ("http:///api", E::NoHost),
        ("http://:5115", E::NoHost),
        ("http:", E::Invalid),
        ("://", E::Invalid),
        ("http://host:5115?limit=1", E::Query),
        ("http://host:5115/#/pipelines", E::Query),
        ("http://host:port", E::Port),
        ("http://host:99999", E::Port),
        ("http://host:0", E::Port),
        ("http://host:", E::Port),
        ("http://[::1]5115", E::Port),
        ("http://[::1", E::Invalid),
        ("http://[host]:5115", E::Invalid),
        ("http://ho st:5115", E::Invalid),
        ("http://host:5115/a b", E::Invalid),
        ("http://ho\0st", E::Invalid),
        ("http://host/a\u{A0}b", E::Invalid),
        ("http://host/a\u{3000}/api", E::Invalid),
        ("http://host/\u{202E}moc.elpmaxe", E::Invalid),
    ] {
        assert_eq!(Endpoint::parse(text), Err(expected), "{text:?}");
    }
}

#[test]
fn credentials_are_refused_and_never_shown() {
    for text in [
        "http://user:s3cret@host:5115",
        "http://s3cret@host:5115",
        "https://user:s3cret@[::1]:5115/api",
        "user:s3cret@host:5115",
        "s3cret@host",
        "http:user:s3cret@host",
        "http://user:s3cret@",
        "user:s3cret@x://host",
        "http://host:5115/?token=s3cret",
        "http://user:s3@cret@host",
        "ws://user:s3cret@host",
    ] {
        let error = Endpoint::parse(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("cret@"),
            "{text}: {shown}"
        );
    }
    let uri: Uri = "http://user:s3cret@host".parse().unwrap();
    assert_eq!(Endpoint::from_uri(&uri), Err(EndpointError::Credentials));
}

#[test]
fn the_address_of_a_transport_keeps_its_path() {
    let uri = |text: &'static str| Uri::from_static(text);
    for (text, base) in [
        ("http://Host:5115/", "http://host:5115"),
        ("http://host:5115/Team-A/", "http://host:5115/Team-A"),
        // Requests go under this prefix, so it is not a mistake.
        ("http://host:5115/api/", "http://host:5115/api"),
    ] {
        let endpoint = Endpoint::from_uri(&uri(text));
        assert_eq!(
            endpoint.map(|endpoint| endpoint.base).as_deref(),
            Ok(base),
            "{text}"
        );
    }
    assert_eq!(
        Endpoint::from_uri(&uri("/api/v1/ping")),
        Err(EndpointError::NoHost)
    );
    assert_eq!(
        Endpoint::from_uri(&uri("host:5115")),
        Err(EndpointError::NoScheme {
            suggestion: "http://host:5115".to_owned()
        })
    );
}

#[test]
fn the_dashboard_is_under_the_prefix_and_takes_any_id() {
    let endpoint = Endpoint::parse("https://host/arroyo").unwrap();
    assert_eq!(
        endpoint.dashboard(&PipelineId::from_server("a/b c")),
        "https://host/arroyo/pipelines/a%2Fb%20c"
    );
}
