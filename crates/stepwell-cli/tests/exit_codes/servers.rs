//! `run --server`.

use rustix::process::Signal;

use crate::support::{
    Left, Running, example, nothing_listens, run,
    server::{Reply, Server, arroyo, json, losing_creates, until_stopped},
    stepwell,
};

fn submit(server: &Server, more: &[&str]) -> Running {
    let query = example("hello.sql");
    let arguments = [&["run", "--server", &server.url], more, &[&query]].concat();
    Running::start(stepwell(&arguments))
}

fn ending(server: &Server, more: &[&str]) -> Left {
    submit(server, more).finish()
}

/// Waits for a request with this beginning.
fn wait_for(server: &Server, running: &mut Running, request: &str) {
    while !server
        .requests()
        .iter()
        .any(|seen| seen.starts_with(request))
    {
        assert!(!running.has_ended());
        std::thread::yield_now();
    }
}

/// Sends a signal once this request has arrived.
fn signalled(server: &Server, more: &[&str], request: &str, signal: Signal) -> Left {
    let mut running = submit(server, more);
    wait_for(server, &mut running, request);
    running.signal(signal);
    running.finish()
}

const LOOK: &str = "GET /api/v1/pipelines/pl_1/jobs";

fn silent() -> Server {
    Server::start(|_, _, _| Reply::Hang)
}

pub(crate) fn foreground(what: &str) -> Option<Left> {
    Some(match what {
        "the job finishes" => ending(&arroyo(&["Created", "Running", "Finished"]), &[]),
        "Ctrl-C while it runs" => {
            let server = until_stopped("Running");
            let mut running = submit(&server, &[]);
            running.wait_for_message("is running");
            running.signal(Signal::INT);
            running.finish()
        }
        "nothing listens there" => run(&[
            "run",
            "--server",
            &nothing_listens(),
            "--timeout",
            "300ms",
            &example("hello.sql"),
        ]),
        "the credentials are refused" => {
            let server = Server::start(|_, _, _| Reply::Whole(401, "text/plain", String::new()));
            ending(&server, &[])
        }
        "it does not run in time" => ending(&until_stopped("Scheduling"), &["--timeout", "4s"]),
        "it does not run in time, and the stop fails" => {
            let left = ending(
                &arroyo(&["Scheduling"]),
                &["--timeout", "4s", "--stop-timeout", "300ms"],
            );
            let first = left.stderr.find("was not running within");
            let then = left.stderr.find("may still be running");
            assert!(first.is_some() && first < then, "{}", left.stderr);
            left
        }
        "the reply to the create is lost" => {
            let server = losing_creates();
            ending(&server, &["--stop-timeout", "500ms"])
        }
        "Ctrl-C before the server answers" => {
            signalled(&silent(), &[], "GET /api/v1/ping", Signal::INT)
        }
        "SIGTERM after the create, before it runs" => {
            signalled(&until_stopped("Scheduling"), &[], LOOK, Signal::TERM)
        }
        "SIGHUP after the create, before it runs" => {
            signalled(&until_stopped("Scheduling"), &[], LOOK, Signal::HUP)
        }
        "Ctrl-C twice while the create is under way" => {
            let server = Server::start(|_, method, path| match (method, path) {
                ("GET", "/api/v1/ping") => json("\"Pong\""),
                ("POST", "/api/v1/pipelines/validate_query") => {
                    json(r#"{"graph":{"nodes":[],"edges":[]},"errors":[]}"#)
                }
                ("PUT", _) => Reply::Hang,
                _ => json(r#"{"data":[],"hasMore":false}"#),
            });
            let mut running = submit(&server, &["-q"]);
            wait_for(&server, &mut running, "PUT ");
            running.signal_until_ended(Signal::INT);
            let left = running.finish();
            assert!(
                left.stderr.contains("; pipeline sw_")
                    && left.stderr.contains("may still be running"),
                "it is named, with -q too: {}",
                left.stderr
            );
            left
        }
        _ => return None,
    })
}

pub(crate) fn left_alone(option: &str, what: &str) -> Option<Left> {
    Some(match what {
        "it runs" | "it is submitted" => ending(&arroyo(&["Created", "Running"]), &[option]),
        "it does not run in time" => {
            ending(&until_stopped("Scheduling"), &[option, "--timeout", "4s"])
        }
        "SIGTERM before the server answers" => {
            signalled(&silent(), &[option], "GET /api/v1/ping", Signal::TERM)
        }
        "Ctrl-C after the create, before it runs" => {
            let server = until_stopped("Scheduling");
            let left = signalled(&server, &[option], LOOK, Signal::INT);
            assert!(
                server
                    .requests()
                    .iter()
                    .any(|request| request.starts_with("PATCH")),
                "what was started is stopped"
            );
            left
        }
        _ => return None,
    })
}
