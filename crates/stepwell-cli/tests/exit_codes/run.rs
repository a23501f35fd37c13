//! `run` on the embedded engine.

use std::fs::File;

use rustix::process::Signal;

use crate::support::{Left, Running, TestDirectory, example, run, stepwell};

/// An endless query with a row every 20 ms.
fn endless(directory: &TestDirectory) -> String {
    directory.query("event_rate = '50'", "SELECT counter FROM impulse")
}

/// A run with its state in `state` that has printed a row.
fn running(directory: &TestDirectory, more: &[&str]) -> Running {
    let (state, query) = (directory.text("state"), endless(directory));
    let arguments = [&["run", "-s", &state], more, &[&query]].concat();
    let mut running = Running::start(stepwell(&arguments));
    running.wait_for_row("counter");
    running
}

fn after(mut running: Running, signal: Signal) -> Left {
    running.wait_for_message("is running");
    running.signal(signal);
    running.finish()
}

pub(crate) fn embedded(what: &str) -> Option<Left> {
    let directory = TestDirectory::new();
    let state = directory.text("state");
    Some(match what {
        "the job finishes" => run(&["run", &example("finite.sql")]),
        "Ctrl-C while it runs" => after(running(&directory, &[]), Signal::INT),
        "SIGTERM while it runs" => after(running(&directory, &[]), Signal::TERM),
        "SIGHUP while it runs" => after(running(&directory, &[]), Signal::HUP),
        "the reader of standard output goes away" => {
            let mut command = stepwell(&["run", "-s", &state, &endless(&directory)]);
            let (reader, writer) = std::io::pipe().unwrap();
            command.stdout(writer);
            let mut running = Running::start(command);
            running.wait_for_message("is running");
            drop(reader);
            running.finish()
        }
        "standard output is full" => {
            let mut command = stepwell(&["run", "-s", &state, &endless(&directory)]);
            command.stdout(File::options().write(true).open("/dev/full").unwrap());
            Running::start(command).finish()
        }
        "another client stops the pipeline" => {
            let mut running = running(&directory, &["--id", "mine"]);
            let engine = running.engine();
            let stopped = run(&["stop", "--server", &engine, "mine"]);
            assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
            running.finish()
        }
        "the state directory is a file" => {
            let file = directory.write("file", "");
            run(&["run", "-s", &file, &endless(&directory)])
        }
        "an option that does not exist" => run(&["run", "--colour", "q.sql"]),
        "a file that does not exist" => run(&["run", &directory.text("none.sql")]),
        "more subtasks than the embedded engine has" => {
            run(&["run", "-p", "100000", &endless(&directory)])
        }
        "an error in the query" => run(&["run", &directory.write("q.sql", "SELECT x FROM y")]),
        "another pipeline is in the state directory" => {
            assert_eq!(
                run(&["run", "-s", &state, &example("finite.sql")]).code,
                Some(0)
            );
            run(&["run", "-s", &state, &endless(&directory)])
        }
        "the job fails" => run(&["run", &example("failing.sql")]),
        "the job fails, then Ctrl-C" => {
            let mut failing = Running::start(stepwell(&["run", &example("failing.sql")]));
            failing.wait_for_message("is Failing");
            failing.signal(Signal::INT);
            failing.finish()
        }
        "the job is restarted again and again, then Ctrl-C" => {
            let data = directory.write("data.json", "{\"n\":1}\n{\"n\":\"x\"}\n");
            let query = directory.write(
                "q.sql",
                format!(
                    "CREATE TABLE t (n BIGINT) WITH (connector = 'single_file', path = '{data}', format = 'json', type = 'source');\n\
                     SELECT n FROM t;\n"
                ),
            );
            let mut restarting = Running::start(stepwell(&["run", "-s", &state, &query]));
            restarting.wait_for_message("is running;");
            restarting.wait_for_message("data.json, line 2");
            restarting.signal(Signal::INT);
            restarting.finish()
        }
        "Ctrl-C, and the stop takes too long" => stuck(&directory).0,
        "Ctrl-C twice" => stuck(&directory).1,
        "Ctrl-C while the query is read from standard input" => {
            let (reader, writer) = std::io::pipe().unwrap();
            let mut command = stepwell(&["run"]);
            command.stdin(reader);
            let running = Running::start(command);
            running.wait_until_it_listens();
            running.signal(Signal::INT);
            let left = running.finish();
            drop(writer);
            left
        }
        "it says what it would do" => {
            run(&["run", "-s", &state, "--dry-run", &endless(&directory)])
        }
        _ => return None,
    })
}

/// A run with a full pipe as standard output, so that the stop cannot end: after one signal, and after several.
fn stuck(directory: &TestDirectory) -> (Left, Left) {
    let query = endless(directory);
    let start = |state: &str, stop_timeout: &str| {
        let mut command = stepwell(&["run", "-s", state, "--stop-timeout", stop_timeout, &query]);
        let (reader, writer) = crate::support::full_pipe();
        command.stdout(writer);
        let mut running = Running::start(command);
        running.wait_for_message("is running");
        (running, reader)
    };
    let (once, _reader) = start(&directory.text("once"), "300ms");
    once.signal(Signal::INT);
    let (mut twice, _reader) = start(&directory.text("twice"), "2m");
    twice.signal_until_ended(Signal::INT);
    (once.finish(), twice.finish())
}
