//! `start`, `restart`, `update`, `delete`, `wait`, `logs` and `list --watch`, on the embedded engine.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};
use support::{
    Left, Running, TestDirectory,
    engine::Engine,
    pipelines::{AllJobs, Held, ago, holding},
    run,
    server::{Reply, Server, arroyo},
    stepwell,
};

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

/// The events of this kind on standard error.
fn events(left: &Left, kind: &str) -> Vec<Value> {
    let mut events = lines(&left.stderr);
    events.retain(|event| event["event"] == kind);
    events
}

#[test]
fn what_is_stopped_is_started_in_a_new_run_and_the_events_say_whose_they_are() {
    let engine = Engine::start();
    engine.create("one");
    engine.ok(&["stop", "one"]);
    let before = engine.job("one")["run_id"].as_u64().unwrap();
    let left = engine.ok(&["start", "--output", "json", "one"]);
    let job = engine.job("one");
    assert_eq!(
        (&job["state"], job["run_id"].as_u64()),
        (&json!("Running"), Some(before + 1))
    );
    let detached = &events(&left, "detached")[0];
    assert_eq!(
        (&detached["pipeline_id"], &detached["running"]),
        (&json!("one"), &json!(true))
    );
    for kind in ["step_started", "step_finished"] {
        let steps = events(&left, kind);
        let names: Vec<_> = steps.iter().map(|step| &step["step"]).collect();
        assert_eq!(names, ["start", "wait"], "{kind}");
        assert!(
            steps
                .iter()
                .all(|step| step["pipeline_id"] == "one" && step["name"] == "one"),
            "{steps:?}"
        );
    }

    // Twice is once.
    engine.ok(&["start", "one"]);
    assert_eq!(engine.job("one")["run_id"], job["run_id"]);
}

#[test]
fn a_restart_stops_with_a_checkpoint_and_begins_a_new_run() {
    let engine = Engine::start();
    engine.create("one");
    let before = engine.job("one")["run_id"].as_u64().unwrap();
    let left = engine.ok(&["restart", "one"]);
    assert!(
        left.stderr
            .contains("pipeline one is Stopped with a final checkpoint"),
        "{}",
        left.stderr
    );
    assert!(
        left.stderr.contains("pipeline one is running\n"),
        "{}",
        left.stderr
    );
    assert_eq!(engine.job("one")["run_id"].as_u64(), Some(before + 1));

    engine.ok(&["stop", "one"]);
    let left = engine.ok(&["restart", "one"]);
    assert!(
        !left.stderr.contains("final checkpoint"),
        "it was stopped already"
    );
    assert_eq!(engine.state_of("one").as_deref(), Some("Running"));
}

#[test]
fn an_update_sends_what_differs_keeps_other_variables_and_shows_no_value() {
    let engine = Engine::start();
    let first = [
        "update",
        "-p",
        "2",
        "--checkpoint-interval",
        "5s",
        "--env",
        "A=hunter2",
        "--env",
        "B=2",
        "keeper",
    ];
    let left = engine.ok(&first);
    assert!(
        left.stderr.contains(
            "updated pipeline keeper: parallelism from 1 to 2, checkpoint interval from 10s to 5s, environment (A, B)\n"
        ),
        "{}",
        left.stderr
    );
    assert!(!left.stderr.contains("hunter2"), "{}", left.stderr);
    let pipeline = engine.get("/api/v1/pipelines/keeper");
    assert_eq!(pipeline["checkpoint_interval_micros"], 5_000_000);
    let job = engine.job("keeper");
    assert_eq!(job["env_vars"], json!({"A": "hunter2", "B": "2"}));

    // The value of a variable without one is that of the process.
    let line = ["update", "--server", &engine.url, "--output", "json"];
    let more = ["--env", "SECRET", "--unset-env", "B", "keeper"];
    let mut command = stepwell(&[&line[..], &more].concat());
    command.env("SECRET", "s3");
    let left = Running::start(command).finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let updated = &events(&left, "updated")[0];
    assert_eq!(updated["changes"], json!(["environment (B, SECRET)"]));
    let now = engine.job("keeper");
    assert_eq!(now["env_vars"], json!({"A": "hunter2", "SECRET": "s3"}));
    assert_ne!(now["run_id"], job["run_id"]);

    // Nothing is sent if nothing differs, and a new interval begins no run.
    let left = engine.ok(&["update", "-p", "2", "--env", "A=hunter2", "keeper"]);
    assert!(left.stderr.contains("nothing to change"), "{}", left.stderr);
    engine.ok(&["update", "--checkpoint-interval", "20s", "keeper"]);
    assert_eq!(engine.job("keeper")["run_id"], now["run_id"]);
}

#[test]
fn what_a_server_ignores_is_a_warning_and_is_not_called_updated() {
    // As releases up to 0.15 ignore the environment.
    let server = Server::start(|_, _, path| {
        let job = json!({
            "id": "job_1", "running_desired": true, "state": "Running", "run_id": 1, "start_time": 1, "finish_time": null, "tasks": 1,
            "failure_reason": null, "created_at": 1,
        });
        let pipeline = json!({
            "id": "pl_1", "name": "a", "query": "", "udfs": [], "checkpoint_interval_micros": 10_000_000, "stop": "none",
            "created_at": 1, "action": null, "action_text": "", "action_in_progress": false, "graph": {"nodes": [], "edges": []},
            "preview": false,
        });
        let is_job = path.ends_with("/jobs");
        let reply = if is_job {
            json!({"data": [job]})
        } else {
            pipeline
        };
        support::server::json(&reply.to_string())
    });
    let line = [
        "update",
        "--env",
        "A=hunter2",
        "--server",
        &server.url,
        "pl_1",
    ];
    let left = run(&line);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("warning: pipeline pl_1 differs from what was asked for: ")
            && !left.stderr.contains("updated pipeline")
            && !left.stderr.contains("nothing to change")
            && !left.stderr.contains("hunter2"),
        "{}",
        left.stderr
    );
}

#[test]
fn an_update_of_what_does_not_run_is_refused_with_the_command_that_starts_it() {
    let engine = Engine::start();
    engine.create("one");
    engine.ok(&["stop", "one"]);
    let left = engine.run(&["update", "-p", "2", "one"]);
    assert_eq!(left.code, Some(5), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("pipeline one is Stopped, so it was not updated; start it first")
            && left
                .stderr
                .ends_with(&format!(" start --server {} one\n", engine.url)),
        "{}",
        left.stderr
    );
}

#[test]
fn a_variable_that_is_not_set_here_is_named() {
    let engine = Engine::start();
    let left = engine.run(&["update", "--env", "STEPWELL_NONE", "keeper"]);
    assert_eq!(left.code, Some(2), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("--env STEPWELL_NONE has no value, and STEPWELL_NONE is not set here"),
        "{}",
        left.stderr
    );
}

#[test]
fn whatever_has_ended_is_deleted_and_nothing_else() {
    let engine = Engine::start();
    for id in ["one", "two", "runs"] {
        engine.create(id);
    }
    engine.create_finished("finished");
    engine.create_failed("failed");
    engine.ok(&["stop", "one"]);
    engine.ok(&["stop", "two"]);
    // All are looked for first.
    assert_eq!(engine.run(&["delete", "one", "nobody"]).code, Some(1));
    assert_eq!(engine.state_of("one").as_deref(), Some("Stopped"));

    let line = [
        "delete", "--output", "json", "one", "finished", "failed", "one",
    ];
    let left = engine.ok(&line);
    let deleted = events(&left, "deleted");
    let ids: Vec<_> = deleted.iter().map(|event| &event["pipeline_id"]).collect();
    assert_eq!(ids, ["one", "finished", "failed"], "each once");
    for id in ["one", "finished", "failed"] {
        assert_eq!(engine.state_of(id), None, "{id}");
    }

    // After a failure the rest stays.
    let left = engine.run(&["delete", "runs", "two"]);
    assert_eq!(left.code, Some(5), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("pipeline runs is Running, so it was not deleted; stop it first"),
        "{}",
        left.stderr
    );
    assert_eq!(engine.state_of("two").as_deref(), Some("Stopped"));
}

#[test]
fn a_running_pipeline_is_stopped_and_deleted_if_that_is_asked_for() {
    let engine = Engine::start();
    engine.create("one");
    let left = engine.run(&["delete", "one"]);
    let hint = format!(" delete --server {} one --stop\n", engine.url);
    assert!(left.stderr.ends_with(&hint), "{}", left.stderr);
    engine.ok(&["delete", "one", "--stop"]);
    assert_eq!(engine.state_of("one"), None);
    let left = engine.ok(&["delete", "--ignore-not-found", "one"]);
    assert!(
        left.stderr.contains("there is no pipeline one"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_wait_ends_when_it_is_so() {
    let engine = Engine::start();
    engine.create("one");
    let waiting = engine.launch(&["wait", "--for", "stopped", "--output", "json", "one"]);
    waiting.wait_until_it_listens();
    engine.ok(&["stop", "one"]);
    let left = waiting.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let reached = &events(&left, "reached")[0];
    assert_eq!(
        (&reached["pipeline_id"], &reached["state"]),
        (&json!("one"), &json!("Stopped"))
    );
    engine.ok(&["start", "--no-wait", "one"]);
    engine.ok(&["wait", "one"]);
    engine.create_finished("two");
    engine.ok(&["wait", "--for", "stopped", "two"]);
}

#[test]
fn a_state_that_is_about_to_pass_ends_no_wait() {
    // Right after a restart a server still shows the end of the run before.
    let server = arroyo(&["Failed", "Scheduling", "Running"]);
    let left = run(&["wait", "--server", &server.url, "pl_1"]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let server = arroyo(&["Finished"]);
    let left = run(&["wait", "--server", &server.url, "pl_1"]);
    assert!(
        left.stderr
            .contains("pipeline pl_1 is Finished, so it cannot become Running any more"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_wait_that_is_late_says_where_to_look() {
    let server = arroyo(&["Scheduling"]);
    let line = [
        "wait",
        "--timeout",
        "300ms",
        "--server",
        &server.url,
        "pl_1",
    ];
    let left = run(&line);
    assert_eq!(left.code, Some(7), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("pipeline pl_1 was not Running within 300 ms; it is Scheduling")
            && left
                .stderr
                .ends_with(&format!(" logs --server {} pl_1\n", server.url)),
        "{}",
        left.stderr
    );
}

#[test]
fn errors_are_shown_newest_first_and_escaped() {
    let mut one = Held::new("pl_1", "orders", "Recovering", 3600);
    let error = |at, details: &str| (at, "task failed".to_owned(), details.to_owned());
    one.errors = vec![
        error(1_795_574_860_163_266, "second\u{1b}[2J\nline"),
        error(1_795_574_850_000_000, "first"),
    ];
    let server = holding(vec![one], AllJobs::Whose);
    let left = run(&["logs", "--server", &server.url, "orders"]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert_eq!(
        left.stdout,
        "2026-11-25 02:47:40 UTC  error  task failed: second\\u{1b}[2J line\n\
         2026-11-25 02:47:30 UTC  error  task failed: first\n"
    );
    let line = [
        "logs",
        "--output",
        "json",
        "--server",
        &server.url,
        "orders",
    ];
    let errors = lines(&run(&line).stdout);
    assert_eq!(errors[0]["pipeline_id"], "pl_1");
    assert_eq!(errors[0]["created_at"], "2026-11-25T02:47:40.163266Z");
    assert_eq!(errors[1]["details"], "first");
}

#[test]
fn no_errors_are_no_output() {
    let server = holding(
        vec![Held::new("pl_1", "orders", "Running", 1)],
        AllJobs::Whose,
    );
    let left = run(&["logs", "--server", &server.url, "orders"]);
    assert_eq!((left.code, left.stdout.as_str()), (Some(0), ""));
    assert!(
        left.stderr.contains("has logged no errors"),
        "{}",
        left.stderr
    );
}

#[test]
fn new_errors_are_followed_and_the_oldest_is_first() {
    let engine = Engine::start();
    let data = engine
        .directory
        .write("data.json", "{\"n\":1}\n{\"n\":\"x\"}\n");
    let query = engine.directory.write(
        "q.sql",
        format!(
            "CREATE TABLE t (n BIGINT) WITH (connector = 'single_file', path = '{data}', format = 'json', type = 'source', wait_for_control = 'false');\n\
             SELECT n FROM t;\n"
        ),
    );
    engine.submit("--no-wait", "one", &query);
    // It is restarted again and again, and logs an error each time.
    let mut following = engine.launch(&["logs", "--follow", "--output", "json", "one"]);
    for _ in 0..3 {
        following.wait_for_row("line 2");
    }
    following.signal(Signal::INT);
    let left = following.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let errors = lines(&left.stdout);
    let times: Vec<_> = errors
        .iter()
        .map(|error| error["created_at"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let mut ids: Vec<_> = errors.iter().map(|error| error["id"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), errors.len(), "each once");
}

#[test]
fn a_watched_list_is_shown_again_when_it_has_changed() {
    let engine = Engine::start();
    engine.create("one");
    let mut watching = engine.launch(&["list", "--watch", "--output", "json"]);
    let mut wait_for =
        |text: &str| -> Value { serde_json::from_str(&watching.wait_for_row(text)).unwrap() };
    let is = |line: &Value, id: &str, state: &str| {
        assert_eq!((&line["id"], &line["state"]), (&json!(id), &json!(state)));
    };
    // Newest first.
    is(&wait_for("\"id\""), "one", "Running");
    is(&wait_for("\"id\""), "keeper", "Running");
    engine.ok(&["stop", "one"]);
    // Only what has changed; states in between may be seen.
    is(&wait_for("\"Stopped\""), "one", "Stopped");
    engine.ok(&["delete", "one"]);
    let gone = wait_for("\"id\"");
    assert_eq!(gone, json!({"id": "one", "name": "one", "gone": true}));
    watching.signal(Signal::TERM);
    let left = watching.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);

    let mut watching = engine.launch(&["list", "--watch", "--name", "keep*"]);
    watching.wait_for_row("keeper");
    engine.create("two");
    engine.ok(&["update", "-p", "2", "keeper"]);
    watching.wait_for_row("keeper");
    watching.signal(Signal::INT);
    let left = watching.finish();
    assert!(
        !left.stdout.contains("two") && left.stdout.contains("\n\nID "),
        "{}",
        left.stdout
    );
    // State and run, which differ from one table to the next; the age is not looked at.
    let tables = left
        .stdout
        .lines()
        .filter(|line| line.starts_with("keeper"));
    let shown: Vec<_> = tables
        .map(|line| line.split_whitespace().skip(1).take(2).collect::<Vec<_>>())
        .collect();
    assert!(shown.windows(2).all(|two| two[0] != two[1]), "{shown:?}");
}

#[test]
fn a_watched_list_that_stays_the_same_is_shown_once() {
    let server = holding(
        vec![Held::new("pl_1", "orders", "Running", 1)],
        AllJobs::Whose,
    );
    let line = ["list", "--watch", "--server", &server.url];
    let watching = Running::start(stepwell(&line));
    let looks = || {
        let requests = server.requests();
        requests
            .iter()
            .filter(|request| request.contains("/pipelines?"))
            .count()
    };
    // The fourth look begins after the third was shown.
    while looks() < 4 {
        std::thread::yield_now();
    }
    watching.signal(Signal::INT);
    let left = watching.finish();
    assert_eq!(left.stdout.matches("orders").count(), 1, "{}", left.stdout);
}

#[test]
fn a_watched_list_outlives_a_failure_and_names_it_once() {
    let requests = AtomicUsize::new(0);
    let server = Server::start(move |_, _, path| {
        let answer = |state: &str| {
            let pipeline = json!({
                "id": "pl_1", "name": "a", "query": "", "udfs": [], "checkpoint_interval_micros": 1, "stop": "none",
                "created_at": ago(1), "action": null, "action_text": "", "action_in_progress": false,
                "graph": {"nodes": [], "edges": []}, "preview": false,
            });
            let job = json!({
                "id": "job_1", "running_desired": true, "state": state, "run_id": 1, "start_time": 1, "finish_time": null, "tasks": 1,
                "failure_reason": null, "created_at": 1,
            });
            let is_list = path.starts_with("/api/v1/pipelines?");
            let row = if is_list { pipeline } else { job };
            support::server::json(&json!({"data": [row], "hasMore": false}).to_string())
        };
        // Two requests a look; the second and the third look fail at their first.
        match requests.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => answer("Running"),
            2 | 3 => Reply::Whole(502, "text/html", "<html>".to_owned()),
            _ => answer("Failed"),
        }
    });
    let line = ["list", "--watch", "--server", &server.url];
    let mut watching = Running::start(stepwell(&line));
    watching.wait_for_row("Running");
    watching.wait_for_row("Failed");
    watching.wait_for_message("the list can be read again");
    watching.signal(Signal::INT);
    let left = watching.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert_eq!(
        left.stderr.matches("trying again").count(),
        1,
        "{}",
        left.stderr
    );
}

#[test]
fn a_state_directory_stands_for_the_process_that_uses_it() {
    let engine = Engine::start();
    engine.create("one");
    let state = engine.state();
    let here = |line: &[&str]| {
        let mut command = stepwell(&[line, &["-s", &state, "one"]].concat());
        // What is typed wins.
        command.env("STEPWELL_SERVER", "http://127.0.0.1:1");
        let left = Running::start(command).finish();
        assert_eq!(left.code, Some(0), "{line:?}: {}", left.stderr);
        left
    };
    assert!(here(&["status"]).stdout.contains("state        Running\n"));
    here(&["update", "-p", "2"]);
    here(&["restart"]);
    here(&["stop"]);
    here(&["wait", "--for", "stopped"]);
    here(&["start"]);
    here(&["logs"]);
    here(&["delete", "--stop"]);
    assert_eq!(engine.state_of("one"), None);
    let left = run(&["list", "-s", &state]);
    assert!(
        left.stdout.contains("keeper") && !left.stderr.contains("no process"),
        "{left:?}"
    );
    // Its hints name the directory.
    let mut command = stepwell(&["start", "-s", &state, "one"]);
    command.env("STEPWELL_SERVER", "http://127.0.0.1:1");
    let left = Running::start(command).finish();
    assert_eq!(left.code, Some(1), "{}", left.stderr);
    assert!(
        left.stderr
            .ends_with(&format!(" list --state-dir {state}\n")),
        "{}",
        left.stderr
    );
}

#[test]
fn what_no_process_uses_is_read_and_not_started() {
    let engine = Engine::start();
    engine.create("one");
    engine.create_failed("failed");
    engine.ok(&["stop", "one"]);
    let run_id = engine.job("keeper")["run_id"].clone();
    let state = engine.state();
    let directory = engine.kill();
    let here = |line: &[&str]| run(&[line, &["-s", &state]].concat());

    let left = here(&["list", "--output", "json"]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    let listed = lines(&left.stdout);
    let states: Vec<_> = listed
        .iter()
        .map(|line| (&line["id"], &line["state"]))
        .collect();
    assert_eq!(
        states,
        [
            (&json!("failed"), &json!("Failed")),
            (&json!("one"), &json!("Stopped")),
            (&json!("keeper"), &json!("Running")),
        ]
    );
    let note = &events(&left, "note")[0];
    assert_eq!(
        note["message"],
        format!("no process uses {state}; this is how its pipelines were left")
    );
    assert!(
        here(&["status", "one"])
            .stdout
            .contains("state        Stopped")
    );
    let left = here(&["logs", "--follow", "failed"]);
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(left.stdout.contains("Divide by zero"), "{}", left.stdout);
    assert_eq!(here(&["wait", "--for", "stopped", "one"]).code, Some(0));

    // What is left Running does not run.
    for line in [
        &["wait", "keeper"][..],
        &["start", "one"],
        &["restart", "keeper"],
        &["update", "-p", "2", "keeper"],
        &["stop", "keeper"],
    ] {
        let left = here(line);
        assert_eq!(left.code, Some(5), "{line:?}: {}", left.stderr);
        assert!(
            left.stderr.contains(&format!(
                "no process uses {state}, so nothing runs there; stepwell run with this --state-dir starts what is in it"
            )),
            "{line:?}: {}",
            left.stderr
        );
    }
    let looked = lines(&here(&["list", "--output", "json"]).stdout);
    assert_eq!(looked, listed, "nothing was changed");
    assert_eq!(looked[2]["job"]["run_id"], run_id);

    // A pipeline is deleted without starting the others.
    assert_eq!(here(&["delete", "keeper"]).code, Some(5));
    assert_eq!(here(&["delete", "one"]).code, Some(0));
    assert_eq!(here(&["delete", "--stop", "keeper"]).code, Some(0));
    let left = here(&["list", "--output", "json"]);
    assert_eq!(lines(&left.stdout).len(), 1, "{}", left.stdout);
    drop(directory);
}

#[test]
fn a_watched_directory_is_followed_from_one_process_to_the_next() {
    let engine = Engine::start();
    let state = engine.state();
    let mut watching = Running::start(stepwell(&["list", "--watch", "-s", &state]));
    watching.wait_for_row("keeper");
    let directory = engine.kill();
    watching.wait_for_message("no process uses");
    let engine = Engine::in_directory(directory);
    // It was running, so the process that has come has begun a new run.
    engine.create("one");
    watching.wait_for_row("one");
    watching.signal(Signal::INT);
    let left = watching.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
}

#[test]
fn a_directory_without_state_is_an_error_and_stays_as_it_is() {
    let directory = TestDirectory::new();
    for (name, message) in [
        ("none", "there is no state of the embedded engine in"),
        ("file", "is not a directory"),
    ] {
        directory.write("file", "kept");
        let path = directory.text(name);
        for line in [
            &["list"][..],
            &["status", "a"],
            &["delete", "a"],
            &["start", "a"],
        ] {
            let left = run(&[line, &["-s", &path]].concat());
            assert_eq!(left.code, Some(1), "{line:?}: {}", left.stderr);
            assert!(left.stderr.contains(message), "{line:?}: {}", left.stderr);
        }
    }
    assert!(!directory.path("none").exists());
    let left = run(&["list", "-s", "x", "--server", "http://127.0.0.1:1"]);
    assert_eq!(left.code, Some(2), "{}", left.stderr);
}
