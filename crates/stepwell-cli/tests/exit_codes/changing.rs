//! `start`, `restart`, `update`, `delete`, `wait`, `logs`, `list --watch`, and commands with a state directory that no process uses.

use std::fs::File;

use rustix::process::Signal;

use crate::support::{
    Left, Running, TestDirectory,
    engine::Engine,
    example, nothing_listens, run,
    server::{Reply, Server, arroyo, json, until_stopped},
    stepwell,
};

pub(crate) fn play(command: &str, what: &str) -> Option<Left> {
    match command {
        "start" | "start --no-wait" => start(command, what),
        "restart" => restart(what),
        "update" => update(what),
        "replace" | "replace --dry-run" | "replace --keep-old" => replace(command, what),
        "delete" | "delete --stop" | "delete --ignore-not-found" => delete(command, what),
        "wait" | "wait --for stopped" | "wait --for finished" => wait(command, what),
        "logs" | "logs --follow" => logs(command, what),
        "list --watch" => watch(what),
        _ => command
            .strip_suffix(" --state-dir")
            .and_then(|command| at_rest(command, what)),
    }
}

fn words(command: &str) -> Vec<&str> {
    command.split(' ').collect()
}

/// A command at a server that never answers, and a signal after its first request.
fn silent(line: &[&str], signal: Signal) -> Left {
    let server = Server::start(|_, _, _| Reply::Hang);
    let running = Running::start(stepwell(&[line, &["--server", &server.url]].concat()));
    running.wait_until_it_listens();
    while server.requests().is_empty() {
        std::thread::yield_now();
    }
    running.signal(signal);
    running.finish()
}

/// A command at a scripted server, and a signal once it says this.
fn signalled(server: &Server, line: &[&str], message: &str, signal: Signal) -> Left {
    let mut running = Running::start(stepwell(&[line, &["--server", &server.url]].concat()));
    running.wait_for_message(message);
    running.signal(signal);
    running.finish()
}

fn start(command: &str, what: &str) -> Option<Left> {
    let at = |server: &Server, more: &[&str]| {
        run(&[&["start", "--server", &server.url], more, &["pl_1"]].concat())
    };
    Some(match what {
        "it runs" | "the request is accepted" => {
            let engine = Engine::start();
            engine.create("one");
            engine.ok(&["stop", "one"]);
            engine.run(&[&words(command)[..], &["one"]].concat())
        }
        "it runs already" => Engine::start().run(&["start", "keeper"]),
        "no pipeline has the id or the name" => Engine::start().run(&["start", "none"]),
        "nothing listens there" => run(&["start", "--server", &nothing_listens(), "pl_1"]),
        "the pipeline has finished" => {
            let engine = Engine::start();
            engine.create_finished("one");
            engine.run(&["start", "one"])
        }
        "the job fails" => {
            let engine = Engine::start();
            engine.create_failed("one");
            engine.run(&["start", "--stable-for", "5m", "one"])
        }
        "it does not run in time" => at(&until_stopped("Scheduling"), &["--timeout", "300ms"]),
        "the request is not answered" => {
            let server = Server::start(|_, method, path| match (method, path) {
                ("PATCH", _) => Reply::Raw(Vec::new()),
                (_, path) if path.ends_with("/jobs") => json(
                    r#"{"data":[{"id":"job_1","running_desired":false,"state":"Stopped","run_id":1,"start_time":1,"finish_time":2,"tasks":3,"failure_reason":null,"created_at":1}]}"#,
                ),
                _ => json(
                    r#"{"id":"pl_1","name":"query","query":"SELECT 1","udfs":[],"checkpoint_interval_micros":10000000,"stop":"checkpoint","created_at":1,"action":null,"action_text":"","action_in_progress":false,"graph":{"nodes":[],"edges":[]},"preview":false}"#,
                ),
            });
            at(&server, &["--timeout", "300ms"])
        }
        "Ctrl-C before the server answers" => silent(&["start", "pl_1"], Signal::INT),
        "Ctrl-C while it does not run yet" => signalled(
            &until_stopped("Scheduling"),
            &["start", "pl_1"],
            "start: done",
            Signal::INT,
        ),
        _ => return None,
    })
}

fn restart(what: &str) -> Option<Left> {
    let engine = Engine::start();
    Some(match what {
        "it runs again" => {
            engine.create("one");
            engine.run(&["restart", "one"])
        }
        "the pipeline has failed" => {
            engine.create_mended("one");
            engine.run(&["restart", "one"])
        }
        "the pipeline has finished" => {
            engine.create_finished("one");
            engine.run(&["restart", "one"])
        }
        "it does not stop in time" => {
            let server = arroyo(&["Running"]);
            let line = ["restart", "--stop-timeout", "300ms", "pl_1"];
            run(&[&line[..], &["--server", &server.url]].concat())
        }
        "Ctrl-C twice while it stops" => {
            let server = arroyo(&["Running"]);
            let mut running =
                Running::start(stepwell(&["restart", "--server", &server.url, "pl_1"]));
            while !server
                .requests()
                .iter()
                .any(|line| line.starts_with("PATCH"))
            {
                std::thread::yield_now();
            }
            running.signal_until_ended(Signal::INT);
            running.finish()
        }
        _ => return None,
    })
}

fn update(what: &str) -> Option<Left> {
    let engine = Engine::start();
    Some(match what {
        "it runs with the new settings" => engine.run(&["update", "-p", "2", "keeper"]),
        "there is nothing to change" => engine.run(&["update", "-p", "1", "keeper"]),
        "no setting is named" => engine.run(&["update", "keeper"]),
        "a variable has no value" => engine.run(&["update", "--env", "STEPWELL_NONE", "keeper"]),
        "the pipeline is stopped" => {
            engine.create("one");
            engine.ok(&["stop", "one"]);
            engine.run(&["update", "-p", "2", "one"])
        }
        "the server refuses" => engine.run(&["update", "-p", "100000", "keeper"]),
        _ => return None,
    })
}

fn replace(command: &str, what: &str) -> Option<Left> {
    let engine = Engine::start();
    engine.create("one");
    let query = |name: &str, text: String| engine.directory.write(name, text);
    let changed = || {
        query(
            "changed.sql",
            "CREATE TABLE one WITH (connector = 'impulse', event_rate = '2');\nSELECT counter, 1 FROM one;\n".to_owned(),
        )
    };
    let line = words(command);
    let replace = |arguments: &[&str]| engine.run(&[&line[..], arguments].concat());
    Some(match what {
        "the new one runs in its place" => {
            let left = replace(&["--force", "one", &changed()]);
            let kept = command.ends_with("--keep-old").then_some("Stopped");
            assert_eq!(engine.state_of("one").as_deref(), kept, "{}", left.stderr);
            left
        }
        "it says what it would do" => {
            let left = replace(&["--force", "one", &changed()]);
            assert!(
                left.stderr.contains("would stop pipeline one"),
                "{}",
                left.stderr
            );
            assert_eq!(engine.state_of("one").as_deref(), Some("Running"));
            left
        }
        "no pipeline has the id or the name" => replace(&["--force", "none", &changed()]),
        "the file does not exist" => replace(&["one", "nowhere.sql"]),
        "an error in the query" => {
            let left = replace(&[
                "--force",
                "one",
                &query("bad.sql", "SELECT nothing FROM nowhere".to_owned()),
            ]);
            assert_eq!(engine.state_of("one").as_deref(), Some("Running"));
            left
        }
        "the query is that of the old pipeline" => {
            replace(&["--force", "one", &engine.directory.text("one.sql")])
        }
        "other pipelines are there" => {
            let left = replace(&["one", &changed()]);
            assert_eq!(engine.state_of("one").as_deref(), Some("Running"));
            left
        }
        "the new job fails, and the old one is put back" => {
            let left = replace(&["--force", "one", &example("failing.sql")]);
            assert_eq!(
                engine.state_of("one").as_deref(),
                Some("Running"),
                "{}",
                left.stderr
            );
            left
        }
        "Ctrl-C twice" => {
            let changed = changed();
            let line = [
                "replace",
                "--server",
                &engine.url,
                "--force",
                "--stable-for",
                "10m",
                "one",
                &changed,
            ];
            let mut running = Running::start(stepwell(&line));
            running.wait_for_message("stop pipeline one");
            running.signal_until_ended(Signal::INT);
            running.finish()
        }
        _ => return None,
    })
}

fn delete(command: &str, what: &str) -> Option<Left> {
    let engine = Engine::start();
    let line = words(command);
    let delete = |ids: &[&str]| engine.run(&[&line[..], ids].concat());
    Some(match what {
        "the pipeline is deleted" => {
            engine.create("one");
            engine.ok(&["stop", "one"]);
            delete(&["one"])
        }
        "the pipeline has failed" => {
            engine.create_failed("one");
            delete(&["one"])
        }
        "no pipeline has the id or the name" => delete(&["none"]),
        "one of several is not there" => {
            engine.create("one");
            engine.ok(&["stop", "one"]);
            let left = delete(&["one", "none"]);
            assert_eq!(engine.state_of("one").as_deref(), Some("Stopped"));
            left
        }
        "the pipeline runs" => {
            engine.create("one");
            delete(&["one"])
        }
        _ => return None,
    })
}

fn wait(command: &str, what: &str) -> Option<Left> {
    let line = words(command);
    let at = |server: &Server, more: &[&str]| {
        run(&[&line[..], &["--server", &server.url], more, &["pl_1"]].concat())
    };
    Some(match what {
        "it runs" => Engine::start().run(&["wait", "keeper"]),
        "it is stopped" => {
            let engine = Engine::start();
            engine.create("one");
            engine.ok(&["stop", "one"]);
            engine.run(&[&line[..], &["one"]].concat())
        }
        "no pipeline has the id or the name" => Engine::start().run(&["wait", "none"]),
        "the pipeline has finished" => at(&arroyo(&["Finished"]), &[]),
        "the job fails" => at(&arroyo(&["Scheduling", "Failed"]), &[]),
        "it does not run in time" => at(&until_stopped("Scheduling"), &["--timeout", "300ms"]),
        "Ctrl-C while it does not run yet" => signalled(
            &until_stopped("Scheduling"),
            &["wait", "pl_1"],
            "is Scheduling",
            Signal::INT,
        ),
        _ => return None,
    })
}

fn logs(command: &str, what: &str) -> Option<Left> {
    let line = words(command);
    Some(match what {
        "the errors are shown" | "the pipeline ends" => {
            let engine = Engine::start();
            engine.create_failed("one");
            engine.run(&[&line[..], &["one"]].concat())
        }
        "standard output is full" => {
            let engine = Engine::start();
            engine.create_failed("one");
            let mut command = stepwell(&["logs", "--server", &engine.url, "one"]);
            command.stdout(File::options().write(true).open("/dev/full").unwrap());
            Running::start(command).finish()
        }
        "no pipeline has the id or the name" => Engine::start().run(&["logs", "none"]),
        "Ctrl-C before the server answers" => silent(&["logs", "pl_1"], Signal::INT),
        "Ctrl-C while the pipeline runs" => {
            let server = arroyo(&["Running"]);
            let line = ["logs", "--follow", "--server", &server.url, "pl_1"];
            let following = Running::start(stepwell(&line));
            let looks = || {
                let requests = server.requests();
                requests
                    .iter()
                    .filter(|line| line.contains("/errors"))
                    .count()
            };
            while looks() < 2 {
                std::thread::yield_now();
            }
            following.signal(Signal::INT);
            following.finish()
        }
        _ => return None,
    })
}

fn watch(what: &str) -> Option<Left> {
    let engine = Engine::start();
    Some(match what {
        "Ctrl-C after the first list" => {
            let mut watching = engine.launch(&["list", "--watch"]);
            watching.wait_for_row("keeper");
            // It shows the second list only after the first was written.
            engine.create("one");
            watching.wait_for_row("one");
            watching.signal(Signal::INT);
            watching.finish()
        }
        "the reader of standard output goes away" => {
            let mut command = stepwell(&["list", "--watch", "--server", &engine.url]);
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            command.stdout(writer);
            Running::start(command).finish()
        }
        "SIGTERM before the server answers" => silent(&["list", "--watch"], Signal::TERM),
        _ => return None,
    })
}

/// With a state directory.
fn at_rest(command: &str, what: &str) -> Option<Left> {
    if what == "there is no state in the directory" {
        let directory = TestDirectory::new();
        return Some(run(&[command, "-s", &directory.text("none")]));
    }
    if what != "no process uses the directory" {
        return None;
    }
    let engine = Engine::start();
    engine.create("one");
    engine.ok(&["stop", "one"]);
    let state = engine.state();
    let _directory = engine.kill();
    Some(match command {
        "list" => run(&["list", "-s", &state]),
        "wait" | "stop" | "start" => run(&[command, "-s", &state, "keeper"]),
        "delete" => run(&["delete", "-s", &state, "one"]),
        "replace" => run(&["replace", "-s", &state, "one", &example("hello.sql")]),
        _ => return None,
    })
}
