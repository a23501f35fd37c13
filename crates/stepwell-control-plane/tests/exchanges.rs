//! Requests get the status, the content type and the message that were recorded from a real Arroyo.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::path::Path;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use stepwell_control_plane::{Generation, Options, Scheduler};
use support::Server;

fn exchanges() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/contract/recordings/exchanges.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Recorded refusals that are repeated here, with the id that they name and what differs.
#[test]
fn refusals_are_as_recorded() {
    let differs = |name: &str| match name {
        // UDFs and SQL belong to the planner, and so do the messages about them.
        "046_validate_rust_udf_bad"
        | "047_validate_python_udf"
        | "120_create_invalid_sql"
        | "121_create_unknown_table"
        | "122_create_multiple_errors"
        | "123_create_empty_query"
        | "450_preview_bad_sql"
        // The recording shows the bytes of the body as text, in which they are valid.
        | "138_create_invalid_utf8" => true,
        _ => false,
    };
    let mut compared = 0;
    for exchange in exchanges() {
        let name = exchange["name"].as_str().unwrap();
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let path = request["path"].as_str().unwrap();
        let status = response["status"].as_u64().unwrap_or(0);
        let method = request["method"].as_str().unwrap();
        let ours = path.starts_with("/api/v1") && (400..500).contains(&status) && status != 401;
        // What this control plane does not have, and reports so.
        let elsewhere = ["output", "admin"];
        if !ours
            || elsewhere.iter().any(|word| path.contains(word))
            || differs(name)
            || method == "POST" && path.contains("connection_tables")
            || method == "OPTIONS"
        {
            continue;
        }
        let absent = response["body"]
            .as_str()
            .is_some_and(|body| body.contains("Pipeline not found"));
        let mut server = if absent {
            Server::new(Options::default())
        } else {
            Server::running("p")
        };
        let path = rename(path);
        let mut builder = Request::builder().method(method).uri(&path);
        for header in request["headers"].as_array().unwrap() {
            let name = header[0].as_str().unwrap();
            if name.eq_ignore_ascii_case("content-type") {
                builder = builder.header(name, header[1].as_str().unwrap());
            }
        }
        let body = request["body"].as_str().unwrap_or_default().to_owned();
        let reply = server.plane.handle(
            &mut server.environment,
            &builder.body(Bytes::from(body)).unwrap(),
        );
        if name == "717_pg_put_again" || name.contains("_put_") && reply.status() == StatusCode::OK
        {
            continue;
        }
        assert_eq!(
            u64::from(reply.status().as_u16()),
            status,
            "{name}: {method} {path}: {:?}",
            reply.body()
        );
        let header_of = |name: &str| {
            response["headers"]
                .as_array()
                .unwrap()
                .iter()
                .find(|header| header[0] == name)
                .and_then(|header| header[1].as_str())
        };
        let content_type = reply
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|value| value.to_str().unwrap());
        assert_eq!(content_type, header_of("content-type"), "{name}");
        assert_eq!(
            reply
                .headers()
                .get(header::ALLOW)
                .map(|value| value.to_str().unwrap()),
            header_of("allow"),
            "{name}"
        );
        let recorded = response["body"].as_str().unwrap_or_default();
        let recorded = recorded.replace("job_kAxlNH1EQy", "job_1");
        let body = String::from_utf8(reply.body().to_vec()).unwrap();
        assert_eq!(body, recorded, "{name}");
        compared += 1;
    }
    println!("{compared} refusals compared");
    assert!(compared >= 40, "{compared}");
}

/// Replaces the recorded pipeline and job by those of the test.
fn rename(path: &str) -> String {
    path.split('/')
        .map(|segment| match segment {
            segment
                if segment.starts_with("pl_")
                    && segment != "pl_nope"
                    && segment != "pl_doesnotexist" =>
            {
                "p"
            }
            segment if segment.starts_with("job_") && segment != "job_nope" => "job_1",
            segment => segment,
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[test]
fn a_pipeline_is_shown_with_the_fields_of_a_recorded_one() {
    let recorded = exchanges();
    let body = |name: &str| -> Value {
        let exchange = recorded
            .iter()
            .find(|exchange| exchange["name"] == name)
            .unwrap();
        serde_json::from_str(exchange["response"]["body"].as_str().unwrap()).unwrap()
    };
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let mut server = Server::running("p");
    assert_eq!(
        keys(&server.ask(Method::GET, "/api/v1/pipelines/p", &Value::Null)),
        keys(&body("102_get_pipeline_running"))
    );
    assert_eq!(
        keys(&server.job("p")),
        keys(&body("103_get_jobs_running")["data"][0])
    );
    let list = server.ask(Method::GET, "/api/v1/pipelines", &Value::Null);
    assert_eq!(keys(&list), keys(&body("104_list_pipelines_one")));
    assert_eq!(
        server.ask(Method::GET, "/api/v1/ping", &Value::Null),
        body("001_ping")
    );
}

#[test]
fn an_id_is_taken_once_and_freed_by_delete() {
    let mut server = Server::new(Options::default());
    let body = json!({"name": "n", "query": "SELECT 1", "parallelism": 1}).to_string();
    for (status, path) in [
        (200, "own"),
        (400, "own"),
        (200, "a%2Fb"),
        (400, "a%2Fb"),
        (200, "a%20b"),
    ] {
        let reply = server.send(Method::PUT, &format!("/api/v1/pipelines/{path}"), &body);
        assert_eq!(
            reply.status().as_u16(),
            status,
            "{path}: {:?}",
            reply.body()
        );
    }
    assert_eq!(
        server
            .send(Method::GET, "/api/v1/pipelines/a%2Fb", "")
            .status(),
        StatusCode::OK
    );
    assert_eq!(
        server
            .send(Method::DELETE, "/api/v1/pipelines/own", "")
            .status(),
        StatusCode::BAD_REQUEST,
        "it runs"
    );
    server.patch("own", &json!({"stop": "force"}));
    server.tick();
    assert_eq!(
        server
            .send(Method::DELETE, "/api/v1/pipelines/own", "")
            .status(),
        StatusCode::OK
    );
    assert_eq!(
        server
            .send(Method::GET, "/api/v1/pipelines/own", "")
            .status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        server
            .send(Method::PUT, "/api/v1/pipelines/own", &body)
            .status(),
        StatusCode::OK
    );
}

#[test]
fn a_create_that_breaks_off_half_way_burns_its_id() {
    let mut server = Server::new(Options::default());
    let half = json!({"name": "n", "query": "SELECT 1", "parallelism": 1, "checkpoint_interval_micros": 1}).to_string();
    let whole = json!({"name": "n", "query": "SELECT 1", "parallelism": 1}).to_string();
    let path = "/api/v1/pipelines/own";
    let statuses: Vec<_> = [
        (Method::PUT, half.as_str()),
        (Method::GET, ""),
        (Method::PUT, whole.as_str()),
        (Method::DELETE, ""),
        (Method::PUT, whole.as_str()),
    ]
    .into_iter()
    .map(|(method, body)| server.send(method, path, body).status().as_u16())
    .collect();
    assert_eq!(statuses, [400, 404, 400, 200, 200]);
    assert_eq!(
        server.ask(Method::GET, "/api/v1/pipelines", &Value::Null)["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn an_old_server_has_no_put() {
    let mut options = Options::default();
    options.generation = Generation::V0_15(Scheduler::Process);
    let mut server = Server::new(options);
    let body = json!({"name": "n", "query": "SELECT 1", "parallelism": 1}).to_string();
    let reply = server.send(Method::PUT, "/api/v1/pipelines/own", &body);
    assert_eq!(
        (reply.status(), reply.body().len()),
        (StatusCode::METHOD_NOT_ALLOWED, 0)
    );
    assert_eq!(
        server
            .send(Method::POST, "/api/v1/pipelines", &body)
            .status(),
        StatusCode::OK
    );
}

#[test]
fn what_an_old_server_does_not_know_may_be_anything() {
    let mut options = Options::default();
    options.generation = Generation::V0_15(Scheduler::Process);
    let mut server = Server::new(options);
    let unknown = json!({"tags": 1, "env_vars": "a", "scheduler_config": 1, "state_url": 1});
    let mut post = json!({"name": "n", "query": "SELECT 1", "parallelism": 1});
    for (key, value) in unknown.as_object().unwrap() {
        post[key] = value.clone();
    }
    let made = server.ask(Method::POST, "/api/v1/pipelines", &post);
    let path = format!("/api/v1/pipelines/{}", made["id"].as_str().unwrap());
    server.ask(Method::PATCH, &path, &unknown);
}

#[test]
fn pages_are_cut_as_on_sqlite() {
    let mut server = Server::new(Options::default());
    let page = |server: &mut Server, query: &str| {
        let page = server.ask(
            Method::GET,
            &format!("/api/v1/pipelines{query}"),
            &Value::Null,
        );
        let ids: Vec<_> = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        (ids.join(" "), page["hasMore"].as_bool().unwrap())
    };
    // Six within one second: the next page skips the rest of them.
    for id in ["a", "b", "c", "d", "e", "f"] {
        server.create(id);
    }
    assert_eq!(page(&mut server, "?limit=2"), ("f e".to_owned(), true));
    assert_eq!(
        page(&mut server, "?limit=2&starting_after=e"),
        (String::new(), false)
    );
    server.pass(1_000_000);
    server.create("g");
    assert_eq!(
        page(&mut server, "?limit=2&starting_after=g"),
        ("f e".to_owned(), true)
    );
    assert_eq!(
        page(&mut server, "?starting_after=nobody"),
        (String::new(), false)
    );
    assert_eq!(
        page(&mut server, "?starting_after="),
        ("g f e d c b a".to_owned(), false)
    );
    for number in 0..10 {
        server.create(&format!("more{number}"));
    }
    assert!(page(&mut server, "").1, "ten by default");
    assert!(!page(&mut server, "?limit=10000").1);
}
