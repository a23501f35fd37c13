//! `stepwell list`.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use serde_json::Value;
use support::{
    Left,
    pipelines::{AllJobs, Held, holding},
    run,
    server::Server,
    stepwell,
    terminal::{Stream, on_a_terminal},
};

fn many(count: usize) -> Vec<Held> {
    (0..count)
        .map(|number| {
            Held::new(
                &format!("pl_{number:03}"),
                &format!("orders-{number}"),
                "Running",
                60,
            )
        })
        .collect()
}

fn a_few() -> Vec<Held> {
    vec![
        Held::new("pl_aaaaaaaaaa", "shops", "Failed", 3),
        Held::new(
            "sw_12bb09c510db4dc32cc8d71ef264bfcec9344a9e",
            "orders by hour",
            "Running",
            7 * 60,
        ),
        Held::new("pl_cccccccccc", "Orders by day", "Stopped", 5 * 3600),
        Held::new("pl_dddddddddd", "old", "Finished", 4 * 86_400),
    ]
}

fn list(server: &Server, arguments: &[&str]) -> Left {
    let left = run(&[&["list", "--server", &server.url], arguments].concat());
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    left
}

#[test]
fn however_many_pipelines_there_are_it_is_two_requests() {
    let server = holding(many(200), AllJobs::Whose);
    let left = list(&server, &[]);
    assert_eq!(left.stdout.lines().count(), 201);
    assert_eq!(
        server.requests(),
        ["GET /api/v1/pipelines?limit=10000", "GET /api/v1/jobs"]
    );
    assert!(
        left.stdout
            .lines()
            .skip(1)
            .all(|line| line.contains("Running"))
    );
}

#[test]
fn a_server_that_cannot_show_all_jobs_is_asked_for_each() {
    for all_jobs in [
        AllJobs::Anonymous,
        AllJobs::Missing(404),
        AllJobs::Missing(405),
    ] {
        let mut held = many(40);
        held[7].state = None;
        let server = holding(held, all_jobs);
        let left = list(&server, &[]);
        let running = left.stdout.lines().filter(|line| line.contains("Running"));
        assert_eq!(running.count(), 39, "{}", left.stdout);
        assert_eq!(server.requests().len(), 42);
    }
    // Only the jobs of selected pipelines are read.
    let server = holding(many(40), AllJobs::Anonymous);
    list(&server, &["--name", "orders-3?"]);
    assert_eq!(server.requests().len(), 12);
}

#[test]
fn a_server_that_fails_is_not_taken_for_one_without_jobs() {
    let server = holding(many(3), AllJobs::Missing(500));
    let left = run(&["list", "--server", &server.url]);
    assert_eq!(
        (left.code, left.stdout.as_str()),
        (Some(1), ""),
        "{}",
        left.stderr
    );
    assert!(
        left.stderr.contains("could not list the jobs"),
        "{}",
        left.stderr
    );
}

#[test]
fn where_there_is_no_terminal_ids_and_names_are_whole() {
    let server = holding(a_few(), AllJobs::Whose);
    let left = list(&server, &[]);
    let lines: Vec<_> = left.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "ID                                           STATE     RUN    AGE  NAME",
            "pl_aaaaaaaaaa                                Failed      3    3 s  shops",
            "sw_12bb09c510db4dc32cc8d71ef264bfcec9344a9e  Running     3  7 min  orders by hour",
            "pl_cccccccccc                                Stopped     3    5 h  Orders by day",
            "pl_dddddddddd                                Finished    3    4 d  old",
        ]
    );
}

#[test]
fn a_terminal_gets_colours_and_no_line_that_is_wider_than_it_is() {
    let server = holding(a_few(), AllJobs::Whose);
    for width in [40, 60, 80] {
        let command = stepwell(&["list", "--server", &server.url]);
        let (code, shown) = on_a_terminal(command, Stream::Output, width);
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("\u{1b}[31mFailed\u{1b}[0m"), "{shown:?}");
        for line in without_colour(&shown).lines() {
            assert!(
                line.chars().count() <= usize::from(width),
                "{width}: {line:?}"
            );
        }
        assert!(shown.contains("sw_12bb09c51…"), "{shown:?}");
    }
    let command = stepwell(&["list", "--color", "never", "--server", &server.url]);
    let (_, shown) = on_a_terminal(command, Stream::Output, 200);
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert!(
        shown.contains("sw_12bb09c510db4dc32cc8d71ef264bfcec9344a9e"),
        "{shown:?}"
    );
    let colored = list(&server, &["--color", "always"]);
    assert!(colored.stdout.contains("\u{1b}[32mRunning\u{1b}[0m"));
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn states_and_names_are_chosen_and_sorted() {
    let server = holding(a_few(), AllJobs::Whose);
    for (arguments, expected) in [
        (&["--state", "running,FAILED"][..], "shops|orders by hour"),
        (
            &["--state", "stopped", "--state", "finished"],
            "Orders by day|old",
        ),
        (&["--name", "orders"], "orders by hour|Orders by day"),
        (&["--name", "*s"], "shops"),
        (
            &["--sort", "name"],
            "old|Orders by day|orders by hour|shops",
        ),
        (
            &["--sort", "state"],
            "shops|old|orders by hour|Orders by day",
        ),
        (&["--sort", "age"], "shops|orders by hour|Orders by day|old"),
    ] {
        let left = list(&server, &[arguments, &["--output", "json"]].concat());
        let names: Vec<_> = left
            .stdout
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["name"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(names.join("|"), expected, "{arguments:?}");
    }
    let none = list(&server, &["--state", "runing"]);
    assert_eq!(none.stdout, "");
    assert!(
        none.stderr.contains("no pipeline is in a state \"runing\""),
        "{}",
        none.stderr
    );
}

#[test]
fn a_line_of_json_has_state_and_time_and_no_secret() {
    let mut held = a_few();
    held[0].created_at = 1_795_574_860_163_266;
    held[3].state = None;
    let server = holding(held, AllJobs::Whose);
    let left = list(&server, &["--output", "json"]);
    let lines: Vec<Value> = left
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |id| lines.iter().find(|line| line["id"] == id).unwrap();
    let (shops, old) = (of("pl_aaaaaaaaaa"), of("pl_dddddddddd"));
    assert_eq!(shops["created_at"], "2026-11-25T02:47:40.163266Z");
    assert_eq!(shops["state"], "Failed");
    assert_eq!(shops["job"]["run_id"], 3);
    assert_eq!((&old["state"], &old["job"]), (&Value::Null, &Value::Null));
    assert!(shops["job"].get("env_vars").is_none());
}

#[test]
fn what_a_server_says_is_not_obeyed_by_the_terminal() {
    let mut held = many(1);
    held[0].name = "\u{1b}]0;x\u{7}\u{202e}\n".to_owned();
    held[0].state = Some("\u{9b}2JOdd".to_owned());
    let server = holding(held, AllJobs::Whose);
    let left = list(&server, &[]);
    assert!(
        left.stdout.ends_with("\\u{1b}]0;x\\u{7}\\u{202e}\\n\n"),
        "{:?}",
        left.stdout
    );
    assert!(left.stdout.contains("\\u{9b}2JOdd"), "{:?}", left.stdout);
}
