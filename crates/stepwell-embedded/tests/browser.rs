//! Requests that a foreign web page can make a browser send: none of them has an effect or can be read.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use serde_json::{Value, json};
use support::{Api, Reply, start};

const COUNT: &str = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '10');
    SELECT counter FROM impulse;";

/// Sends a request with these headers besides the correct `Host`.
async fn send(api: &Api, line: &str, headers: &[&str], body: &str) -> Reply {
    let mut head = format!(
        "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
        api.authority,
        body.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    api.raw(format!("{head}\r\n{body}").as_bytes()).await
}

/// Everything that a page could want to change: the pipelines, and their desired states.
async fn state(api: &Api) -> (Value, u64) {
    let pipelines = api.get("/api/v1/pipelines").await;
    let jobs = api.get("/api/v1/jobs").await;
    let job = &jobs["data"][0];
    assert_eq!(
        (job["state"].as_str(), job["running_desired"].as_bool()),
        (Some("Running"), Some(true))
    );
    (pipelines, job["run_id"].as_u64().unwrap())
}

/// The headers by which browsers mark a foreign page: its origin, a null origin if it is sandboxed or redirected, or only its site.
const ELSEWHERE: [&[&str]; 6] = [
    &["origin: http://evil.example"],
    &[
        "origin: http://localhost:8080",
        "sec-fetch-site: same-site",
        "sec-fetch-mode: cors",
    ],
    &["origin: null"],
    &[
        "sec-fetch-site: cross-site",
        "sec-fetch-mode: no-cors",
        "sec-fetch-dest: image",
    ],
    &[
        "sec-fetch-site: same-site",
        "sec-fetch-mode: no-cors",
        "sec-fetch-dest: script",
    ],
    // A form that is submitted in a tab: a navigation, but not a read.
    &[
        "origin: http://evil.example",
        "sec-fetch-site: cross-site",
        "sec-fetch-mode: navigate",
        "sec-fetch-dest: document",
    ],
];

#[tokio::test]
async fn a_page_of_elsewhere_makes_nothing_happen() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(COUNT, 1).await;
    lines.wait_for(1).await;
    let before = state(&api).await;
    let create = json!({ "name": "mine", "query": COUNT, "parallelism": 1 }).to_string();
    let stop = json!({ "stop": "immediate" }).to_string();
    let of_pipeline = |method: &str, rest: &str| format!("{method} /api/v1/pipelines/{id}{rest}");
    let writes = [
        ("POST /api/v1/pipelines".to_owned(), create.as_str()),
        ("PUT /api/v1/pipelines/pl_mine".to_owned(), &create),
        (of_pipeline("PATCH", ""), &stop),
        (of_pipeline("POST", "/restart"), r#"{"force":true}"#),
        (of_pipeline("DELETE", ""), ""),
    ];
    for (line, body) in &writes {
        for elsewhere in ELSEWHERE {
            for kind in ["application/json", "text/plain"] {
                let kind = format!("content-type: {kind}");
                let headers = [elsewhere, &[kind.as_str()]].concat();
                let reply = send(&api, line, &headers, body).await;
                assert_eq!(reply.status, 403, "{line} {headers:?}: {reply:?}");
            }
        }
        // An old browser: a form cannot have the content type JSON, and a preflight comes before everything else.
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            if line.starts_with("POST") {
                let reply = send(&api, line, &[&format!("content-type: {kind}")], body).await;
                assert_eq!(reply.status, 415, "{line} {kind}: {reply:?}");
            }
        }
        if line.starts_with("POST") {
            assert_eq!(send(&api, line, &[], body).await.status, 415, "{line}");
        }
    }
    assert_eq!(state(&api).await, before);
    engine.close().await.unwrap();
}

/// A GET needs no permission, so it must not change anything. The method is taken from nowhere but the request line.
#[tokio::test]
async fn a_get_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(COUNT, 1).await;
    lines.wait_for(1).await;
    let before = state(&api).await;
    let job = api.job(&id).await["id"].as_str().unwrap().to_owned();
    let stop = json!({ "stop": "immediate" }).to_string();
    for method in ["GET", "HEAD"] {
        for path in [
            "/".to_owned(),
            "/pipelines".to_owned(),
            format!("/pipelines/{id}"),
            format!("/pipelines/{id}?stop=immediate&_method=DELETE"),
            "/api/v1/pipelines".to_owned(),
            "/api/v1/pipelines/validate_query".to_owned(),
            "/api/v1/pipelines/preview".to_owned(),
            format!("/api/v1/pipelines/{id}?stop=immediate"),
            format!("/api/v1/pipelines/{id}/restart"),
            format!("/api/v1/pipelines/{id}/jobs"),
            format!("/api/v1/pipelines/{id}/jobs/{job}/errors"),
            format!("/api/v1/pipelines/{id}/jobs/{job}/checkpoints"),
            "/api/v1/jobs".to_owned(),
        ] {
            let override_method = [
                "x-http-method-override: PATCH",
                "x-method-override: PATCH",
                "content-type: application/json",
            ];
            send(&api, &format!("{method} {path}"), &override_method, &stop).await;
        }
    }
    assert_eq!(state(&api).await, before);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_page_of_elsewhere_is_allowed_and_shown_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let id = api.create(COUNT, 1).await;
    let paths = [
        "/".to_owned(),
        format!("/pipelines/{id}"),
        "/api/v1/pipelines".to_owned(),
    ];
    for path in &paths {
        for elsewhere in ELSEWHERE {
            let reply = send(&api, &format!("GET {path}"), elsewhere, "").await;
            assert_eq!(reply.status, 403, "{path} {elsewhere:?}: {reply:?}");
            assert!(!reply.text.contains(&id), "{reply:?}");
            assert!(!reply.head.contains("access-control-"), "{reply:?}");
        }
        // Under another domain that resolves to loopback, the browser sees a single origin, and says so.
        let port = api.authority.rsplit_once(':').unwrap().1;
        for name in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "foo.localhost",
            "localhost.",
        ] {
            let rebound = format!(
                "GET {path} HTTP/1.1\r\nhost: {name}:{port}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n\r\n"
            );
            let reply = api.raw(rebound.as_bytes()).await;
            assert_eq!(reply.status, 403, "{name}: {reply:?}");
            assert!(!reply.text.contains(&id), "{reply:?}");
        }
        for method in ["POST", "PATCH", "GET"] {
            let asked = format!("access-control-request-method: {method}");
            for origin in ["origin: http://evil.example", "origin: null"] {
                let headers = [
                    origin,
                    &asked,
                    "access-control-request-headers: content-type",
                    "access-control-request-private-network: true",
                ];
                let reply = send(&api, &format!("OPTIONS {path}"), &headers, "").await;
                assert_eq!(reply.status, 403, "{reply:?}");
                assert!(!reply.head.contains("access-control-"), "{reply:?}");
            }
        }
    }
    engine.close().await.unwrap();
}

/// The address of a page is printed so that it can be followed from a chat or a log.
#[tokio::test]
async fn a_person_may_follow_a_link_to_a_page_and_no_further() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let id = api.create(COUNT, 1).await;
    let page = format!("/pipelines/{id}");
    let get = async |path: &str, site: &str, mode: &str, dest: &str| {
        let headers = [
            format!("sec-fetch-site: {site}"),
            format!("sec-fetch-mode: {mode}"),
            format!("sec-fetch-dest: {dest}"),
        ];
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        send(&api, &format!("GET {path}"), &headers, "")
            .await
            .status
    };
    for site in ["cross-site", "same-site", "same-origin", "none"] {
        assert_eq!(
            get(&page, site, "navigate", "document").await,
            200,
            "{site}"
        );
        assert_eq!(get("/", site, "navigate", "document").await, 200, "{site}");
    }
    for site in ["cross-site", "same-site"] {
        assert_eq!(
            get("/api/v1/pipelines", site, "navigate", "document").await,
            403
        );
        for (mode, dest) in [
            ("navigate", "iframe"),
            ("navigate", "embed"),
            ("navigate", "object"),
            ("no-cors", "document"),
            ("cors", "empty"),
            ("websocket", "websocket"),
        ] {
            assert_eq!(get(&page, site, mode, dest).await, 403, "{mode} {dest}");
        }
        let alone = [format!("sec-fetch-site: {site}")];
        assert_eq!(
            send(&api, &format!("GET {page}"), &[&alone[0]], "")
                .await
                .status,
            403
        );
        let post = [
            alone[0].as_str(),
            "sec-fetch-mode: navigate",
            "sec-fetch-dest: document",
        ];
        assert_eq!(
            send(&api, &format!("POST {page}"), &post, "").await.status,
            403
        );
    }
    // Typed into the address bar, the API can be opened too.
    assert_eq!(
        get("/api/v1/pipelines", "none", "navigate", "document").await,
        200
    );
    engine.close().await.unwrap();
}
