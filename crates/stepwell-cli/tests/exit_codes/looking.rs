//! `validate`, `list`, `status`, `stop` and `completions`.

use std::{fs::File, process::Command};

use rustix::process::Signal;

use crate::support::{
    Left, Running, TestDirectory, example, nothing_listens,
    pipelines::{AllJobs, Held, holding},
    run,
    server::{Reply, Server, arroyo},
    stepwell,
};

fn full(mut command: Command) -> Left {
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    Running::start(command).finish()
}

fn closed(mut command: Command) -> Left {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer);
    Running::start(command).finish()
}

/// A server that never answers, and a signal after its first request.
fn silent(arguments: &[&str], signal: Signal) -> Left {
    let server = Server::start(|_, _, _| Reply::Hang);
    let mut running = Running::start(stepwell(&[arguments, &["--server", &server.url]].concat()));
    while server.requests().is_empty() {
        assert!(!running.has_ended());
        std::thread::yield_now();
    }
    running.signal(signal);
    running.finish()
}

/// A server with three pipelines, two of which have the same name.
fn three() -> Server {
    let held = vec![
        Held::new("pl_1", "orders", "Running", 5),
        Held::new("pl_2", "twice", "Running", 5),
        Held::new("pl_3", "twice", "Stopped", 5),
    ];
    holding(held, AllJobs::Whose)
}

pub(crate) fn play(command: &str, what: &str) -> Option<Left> {
    match command {
        "validate" | "validate --server" => validate(what),
        "list" => list(what),
        "status" => status(what),
        "stop" => stop(what),
        "completions" => completions(what),
        _ => None,
    }
}

fn validate(what: &str) -> Option<Left> {
    let query = example("hello.sql");
    let valid = ["validate", &query];
    Some(match what {
        "the query is valid" => run(&valid),
        "the reader of standard output goes away" => closed(stepwell(&valid)),
        "standard output is full" => full(stepwell(&valid)),
        "an error in the query" => {
            let directory = TestDirectory::new();
            run(&["validate", &directory.write("q.sql", "SELECT x FROM y")])
        }
        "nothing listens there" => run(&["validate", &query, "--server", &nothing_listens()]),
        "Ctrl-C before the server answers" => silent(&valid, Signal::INT),
        _ => return None,
    })
}

fn list(what: &str) -> Option<Left> {
    let server = three();
    let here = ["list", "--server", &server.url];
    Some(match what {
        "the pipelines are listed" => run(&here),
        "the reader of standard output goes away" => closed(stepwell(&here)),
        "standard output is full" => full(stepwell(&here)),
        "no server is named" => run(&["list"]),
        "nothing listens there" => run(&["list", "--server", &nothing_listens()]),
        "SIGTERM before the server answers" => silent(&["list"], Signal::TERM),
        _ => return None,
    })
}

fn status(what: &str) -> Option<Left> {
    let server = three();
    let of = |name: &'static str| ["status", "--server", &server.url, name].map(str::to_owned);
    let words = |name| of(name);
    let with = |name| {
        let words = words(name);
        stepwell(&words.each_ref().map(String::as_str))
    };
    Some(match what {
        "the pipeline is shown" => Running::start(with("pl_1")).finish(),
        "the reader of standard output goes away" => closed(with("pl_1")),
        "standard output is full" => full(with("pl_1")),
        "no pipeline has the id or the name" => Running::start(with("none")).finish(),
        "several pipelines have the name" => Running::start(with("twice")).finish(),
        "Ctrl-C before the server answers" => silent(&["status", "pl_1"], Signal::INT),
        _ => return None,
    })
}

fn stop(what: &str) -> Option<Left> {
    let stop = |states, more: &[&str]| {
        let server = arroyo(states);
        run(&[&["stop", "--server", &server.url], more, &["pl_1"]].concat())
    };
    Some(match what {
        "the pipeline stops" => stop(&["Running", "Stopped"], &[]),
        "the pipeline has finished already" => stop(&["Finished"], &[]),
        "the pipeline has failed already" => stop(&["Failed"], &[]),
        "no pipeline has the id or the name" => run(&["stop", "--server", &three().url, "none"]),
        "nothing listens there" => run(&["stop", "--server", &nothing_listens(), "pl_1"]),
        "it does not stop in time" => stop(&["Running"], &["--stop-timeout", "300ms"]),
        "Ctrl-C before the server answers" => silent(&["stop", "pl_1"], Signal::INT),
        "Ctrl-C twice while it stops" => {
            let server = arroyo(&["Running"]);
            let mut running = Running::start(stepwell(&["stop", "--server", &server.url, "pl_1"]));
            while !server
                .requests()
                .iter()
                .any(|line| line.starts_with("PATCH"))
            {
                assert!(!running.has_ended());
                std::thread::yield_now();
            }
            running.signal_until_ended(Signal::INT);
            running.finish()
        }
        _ => return None,
    })
}

fn completions(what: &str) -> Option<Left> {
    let bash = ["completions", "bash"];
    Some(match what {
        "the script is printed" => run(&bash),
        "the reader of standard output goes away" => closed(stepwell(&bash)),
        "standard output is full" => full(stepwell(&bash)),
        _ => return None,
    })
}
