//! The pipeline that `status` and `stop` find, and the output of `status`.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use support::{
    Left,
    pipelines::{AllJobs, Held, ago, holding},
    run,
    server::Server,
};

fn held() -> Vec<Held> {
    vec![
        Held::new("pl_orders", "first", "Running", 60),
        Held::new("sw_12bb09c5", "orders", "Running", 120),
        Held::new("sw_12bbffff", "shops", "Stopped", 180),
        Held::new("sw_99999999", "twice", "Running", 240),
        Held::new("sw_88888888", "twice", "Failed", 300),
        Held::new("ab", "short", "Running", 360),
    ]
}

fn status(server: &Server, pipeline: &str) -> Left {
    run(&["status", "--server", &server.url, pipeline])
}

#[test]
fn a_pipeline_is_taken_by_its_id_its_beginning_or_its_name() {
    let server = holding(held(), AllJobs::Whose);
    for (typed, id) in [
        ("pl_orders", "pl_orders"),
        ("sw_12bb0", "sw_12bb09c5"),
        ("sw_12bb0…", "sw_12bb09c5"),
        ("orders", "sw_12bb09c5"),
        ("shops", "sw_12bbffff"),
        ("ab", "ab"),
    ] {
        let left = status(&server, typed);
        assert_eq!(left.code, Some(0), "{typed}: {}", left.stderr);
        assert!(
            left.stdout.starts_with(&format!("pipeline     {id}\n")),
            "{typed}: {}",
            left.stdout
        );
        let left = run(&["stop", "--server", &server.url, typed]);
        assert_eq!(left.code, Some(0), "{typed}: {}", left.stderr);
        assert!(
            left.stderr.contains(&format!("pipeline {id} is Stopped")),
            "{typed}: {}",
            left.stderr
        );
    }
}

#[test]
fn an_id_takes_no_request_for_the_list() {
    let server = holding(held(), AllJobs::Whose);
    assert_eq!(status(&server, "pl_orders").code, Some(0));
    let mut requests = server.requests();
    requests.sort_unstable();
    assert_eq!(
        requests,
        [
            "GET /api/v1/pipelines/pl_orders",
            "GET /api/v1/pipelines/pl_orders/jobs",
            "GET /api/v1/pipelines/pl_orders/jobs/job_of_pl_orders/checkpoints",
            "GET /api/v1/pipelines/pl_orders/jobs/job_of_pl_orders/errors?limit=1000",
        ]
    );
}

#[test]
fn several_that_fit_are_5_and_named_with_name_and_state() {
    let server = holding(held(), AllJobs::Whose);
    for command in ["status", "stop"] {
        let left = run(&[command, "--server", &server.url, "twice"]);
        assert_eq!(left.code, Some(5), "{}", left.stderr);
        assert!(
            left.stderr.starts_with(
                "error: 2 pipelines match \"twice\":\n  sw_99999999  Running  twice\n  sw_88888888  Failed  twice\nnext: "
            ),
            "{}",
            left.stderr
        );
        let next = format!("{command} --server {} sw_88888888\n", server.url);
        assert!(left.stderr.ends_with(&next), "{}", left.stderr);
        let left = run(&[command, "--server", &server.url, "sw_12bb"]);
        assert_eq!(left.code, Some(5), "{}", left.stderr);
        assert!(
            left.stderr.contains("sw_12bbffff  Stopped  shops"),
            "{}",
            left.stderr
        );
    }
    assert!(
        !server
            .requests()
            .iter()
            .any(|request| request.starts_with("PATCH"))
    );
}

#[test]
fn none_that_fits_is_1() {
    let server = holding(held(), AllJobs::Whose);
    // Three characters of an id are too few, and an empty text would match all.
    for typed in ["nobody", "sw_", "ORDERS", "rders"] {
        let left = status(&server, typed);
        assert_eq!(left.code, Some(1), "{typed}: {}", left.stderr);
        assert!(
            left.stderr.contains("Pipeline not found")
                && left
                    .stderr
                    .ends_with(&format!(" list --server {}\n", server.url)),
            "{}",
            left.stderr
        );
        let left = run(&["stop", "--server", &server.url, typed]);
        assert_eq!(left.code, Some(1), "{typed}: {}", left.stderr);
        assert!(
            left.stderr
                .contains(&format!("there is no pipeline {typed}")),
            "{}",
            left.stderr
        );
    }
    assert_eq!(status(&server, "").code, Some(2));
}

#[test]
fn a_status_is_for_people() {
    let mut one = Held::new("pl_1", "orders", "Recovering", 2 * 3600);
    one.checkpoint = Some(ago(8 * 60));
    one.errors = vec![
        (
            ago(60),
            "task failed".to_owned(),
            "disk full\u{1b}[2J".to_owned(),
        ),
        (ago(120), "task failed".to_owned(), "lost".to_owned()),
        (
            ago(180),
            "task failed".to_owned(),
            "disk full\u{1b}[2J".to_owned(),
        ),
    ];
    let server = holding(vec![one], AllJobs::Whose);
    let left = status(&server, "pl_1");
    let lines: Vec<_> = left.stdout.lines().collect();
    assert_eq!(lines[0], "pipeline     pl_1");
    assert_eq!(lines[1], "name         orders");
    assert!(lines[2].starts_with("created      2 h ago (20") && lines[2].ends_with(" UTC)"));
    assert_eq!(
        lines[3..],
        [
            "state        Recovering".to_owned(),
            "job          job_of_pl_1, run 3, started 2 h ago".to_owned(),
            "checkpoint   7 (scheduled), 8 min ago".to_owned(),
            format!("dashboard    {}/pipelines/pl_1", server.url),
            "error        2 times, last 1 min ago: task failed: disk full\\u{1b}[2J".to_owned(),
            "error        2 min ago: task failed: lost".to_owned(),
        ]
    );

    run(&["stop", "--server", &server.url, "pl_1"]);
    let left = status(&server, "pl_1");
    assert!(
        left.stdout.contains("state        Stopped, told to stop\n"),
        "{}",
        left.stdout
    );
}
