//! The status pages, as a browser gets them.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use serde_json::json;
use support::{Api, Reply, start};

const COUNT: &str =
    "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '1000', message_count = '20');
    -- password = hunter2
    SELECT counter FROM impulse WHERE counter < 15;";

async fn page(api: &Api, path: &str) -> Reply {
    let reply = api.send("GET", path, None).await;
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none';",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(
            reply.head.contains(header),
            "{path}: no {header} in {reply:?}"
        );
    }
    // Reloading would interrupt the reader; and no other origin is allowed anything.
    for header in ["refresh", "access-control-", "set-cookie"] {
        assert!(
            !reply.head.to_lowercase().contains(header),
            "{path}: {header} in {reply:?}"
        );
    }
    for markup in [
        "<script",
        "<style",
        " style=",
        "<link",
        "<img",
        "<form",
        "src=",
        "http-equiv",
    ] {
        assert!(
            !reply.text.contains(markup),
            "{path}: {markup} in {reply:?}"
        );
    }
    reply
}

#[tokio::test]
async fn a_pipeline_is_found_from_the_list_and_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let empty = page(&api, "/").await;
    assert_eq!(empty.status, 200);
    assert!(empty.text.contains("There are no pipelines."), "{empty:?}");

    // An id that could change a path.
    let name = "<b>tick & \"tock\"</b>";
    let body = json!({ "name": name, "query": COUNT, "parallelism": 1 });
    let reply = api
        .send("PUT", "/api/v1/pipelines/a%2Fb%20c%3F", Some(&body))
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    api.wait_for_state("a%2Fb%20c%3F", "Finished").await;

    for path in ["/", "/pipelines", "/pipelines?x=y"] {
        let list = page(&api, path).await;
        assert_eq!(list.status, 200, "{path}");
        let link = "<a href=\"/pipelines/a%2Fb%20c%3F\">a/b c?</a>";
        assert!(list.text.contains(link), "{list:?}");
        assert!(list.text.contains("Finished"), "{list:?}");
        assert!(
            list.text
                .contains("&lt;b&gt;tick &amp; &quot;tock&quot;&lt;/b&gt;"),
            "{list:?}"
        );
    }
    let shown = page(&api, "/pipelines/a%2Fb%20c%3F").await;
    assert_eq!(shown.status, 200, "{shown:?}");
    for text in [
        "<h1>Pipeline &lt;b&gt;tick",
        "<dt>State</dt><dd>Finished</dd>",
        "<dt>Run</dt><dd>1</dd>",
        "<dt>Rows out since the engine was started</dt><dd>15</dd>",
        "message_count = &#x27;20&#x27;",
        "-- password = *******",
        "WHERE counter &lt; 15",
        "<td>PreviewSink</td>",
    ] {
        assert!(shown.text.contains(text), "{text} is missing in {shown:?}");
    }
    assert!(!shown.text.contains("hunter2"), "{shown:?}");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn checkpoints_and_failures_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let query = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '100');
        SELECT counter FROM impulse;";
    let id = api.create(query, 1).await;
    lines.wait_for(1).await;
    api.stop(&id, "checkpoint").await;
    let shown = page(&api, &format!("/pipelines/{id}")).await.text;
    assert!(shown.contains("<td>1</td><td>stopping</td>"), "{shown}");
    // A size rather than "not kept".
    let row = shown.split("<td>stopping</td>").nth(1).unwrap();
    let row = row.split("</tr>").next().unwrap();
    let size: u64 = row
        .rsplit("<td>")
        .next()
        .unwrap()
        .replace("</td>", "")
        .parse()
        .unwrap();
    assert!(size > 0, "{row}");

    let query = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '100');
        SELECT 1 / (counter - counter) AS x FROM impulse;";
    let id = api.create(query, 1).await;
    api.wait_for_state(&id, "Failing").await;
    let shown = page(&api, &format!("/pipelines/{id}")).await.text;
    assert!(
        shown.to_lowercase().contains("<dt>failure</dt><dd>"),
        "{shown}"
    );
    assert!(shown.to_lowercase().contains("divide by zero"), "{shown}");
    assert!(shown.contains("<td>task failed</td>"), "{shown}");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_404_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    // Arroyo answers the last ones with its web UI.
    for path in [
        "/pipelines/pl_nope",
        "/pipelines/validate_query",
        "/pipelines/",
        "/pipelines/a/b",
        "/pipelines/%FF",
        "/favicon.ico",
        "/api",
        "/api/v2/pipelines",
        "/prefix/api/v1/ping",
    ] {
        let reply = page(&api, path).await;
        assert_eq!(reply.status, 404, "{path}: {reply:?}");
        assert!(
            reply.text.contains("<h1>Not found</h1>"),
            "{path}: {reply:?}"
        );
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for path in ["/", "/pipelines", "/pipelines/pl_nope"] {
            let reply = api.send(method, path, None).await;
            assert_eq!(reply.status, 405, "{method} {path}: {reply:?}");
            assert!(reply.head.contains("allow: GET,HEAD"), "{reply:?}");
        }
    }
    let head = api.send("HEAD", "/pipelines", None).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    // The API keeps its own messages.
    for path in ["/api/v1", "/api/v1/nope"] {
        let reply = api.send("GET", path, None).await;
        assert_eq!(
            (reply.status, reply.json()),
            (404, json!({ "error": "Route not found" }))
        );
    }
    engine.close().await.unwrap();
}
