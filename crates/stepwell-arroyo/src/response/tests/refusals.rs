//! Refusals, in the words of the server or of a gateway.

use super::*;

const NGINX: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n";

/// Status, content type and body; the message, and whether it is an Arroyo's.
const REFUSALS: [(u16, &str, &str, &str, bool); 17] = [
    (
        400,
        "application/json",
        r#"{"error":"Failed to plan query:\n * a\n * b"}"#,
        "Failed to plan query:\n * a\n * b",
        true,
    ),
    (
        400,
        "application/json",
        "{\"error\":\"a\\u001b[31mb\\u0000\"}",
        "a[31mb",
        true,
    ),
    (
        404,
        "application/json",
        r#"{"error":"Pipeline not found"}"#,
        "Pipeline not found",
        true,
    ),
    // A proxy may drop the content type.
    (
        404,
        "",
        r#"{"error":"Pipeline not found"}"#,
        "Pipeline not found",
        true,
    ),
    (
        400,
        "text/plain; charset=utf-8",
        "Failed to deserialize query string: invalid digit found in string",
        "(text/plain; charset=utf-8) Failed to deserialize query string: invalid digit found in string",
        false,
    ),
    (
        502,
        "text/html",
        NGINX,
        "(text/html) <html> <head><title>502 Bad Gateway</title></head> <body> <center><h1>502 Bad Gateway</h1></center> <hr><center>nginx/1.18.0</center> </body> </html>",
        false,
    ),
    (
        503,
        "text/plain",
        "upstream connect error",
        "(text/plain) upstream connect error",
        false,
    ),
    (
        503,
        "",
        "upstream connect error",
        "upstream connect error",
        false,
    ),
    (503, "", "", "", false),
    // Gateways.
    (
        503,
        "application/json",
        r#"{"message":"no Route matched with those values"}"#,
        "no Route matched with those values",
        false,
    ),
    (
        404,
        "application/json",
        r#"{"timestamp":1,"status":404,"error":"Not Found","path":"/"}"#,
        "Not Found",
        false,
    ),
    (
        429,
        "application/json",
        r#"{"error":{"code":429,"message":"slow down"}}"#,
        "slow down",
        false,
    ),
    // Broken, and not UTF-8.
    (
        400,
        "application/json",
        r#"{"error":"Failed to pl"#,
        r#"(application/json) {"error":"Failed to pl"#,
        false,
    ),
    (500, "text/plain", "caf\u{e9}", "(text/plain) café", false),
    (401, "", "", "no reason is given; check the token", false),
    (403, "", "", "no reason is given; check the token", false),
    (
        405,
        "",
        "",
        "no reason is given; this server may be too old to have this operation",
        false,
    ),
];

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    for (status, content_type, body, message, from_api) in REFUSALS {
        let told = refusal(&reply(status, content_type, body));
        assert_eq!(told, (message.to_owned(), from_api), "{status} {body}");
    }
    let latin = reply(500, "text/plain", Bytes::from_static(b"caf\xe9 ferm\xe9"));
    assert_eq!(refusal(&latin).0, "(text/plain) caf\u{FFFD} ferm\u{FFFD}");
}

#[test]
fn long_words_are_cut() {
    let body = serde_json::json!({"error": "ä".repeat(10_000)}).to_string();
    let (message, from_api) = refusal(&reply(400, "application/json", body));
    assert!(from_api && message.len() <= 8 * 1024 && message.len() > 8 * 1024 - 6);
    assert!(message.ends_with('…'));

    let (message, _) = refusal(&reply(
        502,
        "text/html",
        format!("<p>{}", "ä".repeat(10_000)),
    ));
    assert_eq!(message.chars().count(), "(text/html) ".len() + 200 + 1);
}

#[test]
fn a_redirect_is_explained_without_what_its_location_carries() {
    for (location, expected) in [
        (
            "https://host/api/v1/pipelines",
            "it redirects to https://host, which is not followed; give the address that it redirects to",
        ),
        (
            "https://user:s3cret@login.example:8443/?token=s3cret",
            "it redirects to https://login.example:8443, which is not followed; give the address that it redirects to",
        ),
        (
            "/login?token=s3cret",
            "it redirects, which is not followed; give the address that it redirects to",
        ),
        (
            "",
            "it redirects, which is not followed; give the address that it redirects to",
        ),
    ] {
        for body in ["", "<html>Moved</html>"] {
            let mut moved = reply(301, "text/html", body);
            let value = HeaderValue::from_static(location);
            moved.headers_mut().insert(header::LOCATION, value);
            assert_eq!(refusal(&moved), (expected.to_owned(), false));
        }
    }
}
