//! The status page of the embedded engine, at the address that `run` prints.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use rustix::process::Signal;
use support::{Running, TestDirectory, run, stepwell};

/// The reply to a plain GET.
fn get(url: &str) -> String {
    let (authority, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut connection = TcpStream::connect(authority).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn the_printed_address_answers_with_the_page_of_the_pipeline() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '10'", "SELECT counter FROM impulse");
    let mut running = Running::start(stepwell(&[
        "run",
        "-n",
        "<orders>",
        "--id",
        "my-id",
        "-s",
        &directory.text("state"),
        &query,
    ]));
    let line = running.wait_for_message("status page: ");
    let url = line.split_once(": ").unwrap().1;
    assert!(url.ends_with("/pipelines/my-id"), "{line}");
    running.wait_for_row("\"counter\":0");
    let page = get(url);
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for text in [
        "<h1>Pipeline &lt;orders&gt;</h1>",
        "<dd>my-id</dd>",
        "<dd>Running</dd>",
        "event_rate = &#x27;10&#x27;",
    ] {
        assert!(page.contains(text), "{text} is missing in {page}");
    }

    // Neither the address of a page nor an unknown path is an API.
    let server = url.strip_suffix("/pipelines/my-id").unwrap();
    let query = directory.write("other.sql", "SELECT 1");
    for wrong in [url.to_owned(), format!("{server}/wrong")] {
        for arguments in [&["list"][..], &["run", &query]] {
            let left = run(&[arguments, &["--server", &wrong]].concat());
            assert_eq!(left.code, Some(4), "{}", left.stderr);
            assert!(left.stderr.contains("not an Arroyo API"), "{}", left.stderr);
        }
    }
    running.signal(Signal::INT);
    assert_eq!(running.finish().code, Some(0));
}

#[test]
fn the_address_is_in_the_json_too() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '10'", "SELECT counter FROM impulse");
    let mut running = Running::start(stepwell(&[
        "run",
        "--output",
        "json",
        "-s",
        &directory.text("state"),
        &query,
    ]));
    let line = running.wait_for_message("\"event\":\"running\"");
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    let page = format!("{}/pipelines/{}", text("engine_url"), text("pipeline_id"));
    assert_eq!(text("dashboard_url"), page);
    assert!(get(&page).starts_with("HTTP/1.1 200"), "{page}");
    running.signal(Signal::INT);
    assert_eq!(running.finish().code, Some(0));
}
