//! The binary as a process, as verbose as possible.

mod diagnostics;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::Arc,
};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    ADDRESS_PASSWORD, CODE, PASSWORD, TOKEN, address,
    failure::{self, Failure},
    query,
    shown::Shown,
    support::{Left, Running, TestDirectory, server::Server, stepwell},
    world::{Start, World},
};

pub(crate) fn check(shown: &Shown) {
    let binary = Binary {
        directory: TestDirectory::new(),
        shown,
    };
    binary.servers();
    binary.addresses();
    binary.usage();
    binary.diagnostics();
    binary.engine();
}

struct Binary<'a> {
    directory: TestDirectory,
    shown: &'a Shown,
}

/// The output options of each command.
const COMMANDS: [&[&str]; 8] = [
    &[
        "run",
        "--timeout",
        "TIME",
        "--stop-timeout",
        "TIME",
        "--udf",
        "UDF",
        "FILE",
    ],
    &[
        "run",
        "--dry-run",
        "--timeout",
        "TIME",
        "--udf",
        "UDF",
        "FILE",
    ],
    &["validate", "--udf", "UDF", "FILE"],
    &["list"],
    &["list", "--name", "*", "--state", "running"],
    &["status", "pl_1"],
    &["status", "orders"],
    &["stop", "--stop-timeout", "TIME", "pl_1"],
];

const OUTPUTS: [&str; 2] = ["text", "json"];

/// The timeouts of a command that should fail. On a busy machine the first may pass before the failure, so the next one is tried.
const TIMES: [&str; 3] = ["300ms", "5s", "120s"];

impl Binary<'_> {
    /// A verbose command with the token in its environment.
    fn command(&self, arguments: &[&str], output: &str, file: &str) -> Command {
        self.command_within("300ms", arguments, output, file)
    }

    /// The same with another timeout.
    fn command_within(&self, time: &str, arguments: &[&str], output: &str, file: &str) -> Command {
        let udf = self.directory.write("udf.py", format!("# {CODE}"));
        let arguments = arguments.iter().map(|argument| match *argument {
            "FILE" => file,
            "UDF" => &udf,
            "TIME" => time,
            argument => argument,
        });
        let mut command = stepwell(&arguments.collect::<Vec<_>>());
        command
            .args(["-vvv", "--output", output])
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "1")
            .env("STEPWELL_TOKEN", TOKEN);
        command
    }

    fn finish(&self, what: &str, command: Command) -> Left {
        let mut running = Running::start(command);
        // Retries have been shown by then, and would continue for up to a minute.
        if running.says("trying again") {
            running.signal(Signal::INT);
            if running.says("to quit immediately") {
                running.signal(Signal::INT);
            }
        }
        let left = running.finish();
        self.see(what, &left);
        left
    }

    fn see(&self, what: &str, left: &Left) {
        for line in left.stdout.lines() {
            self.shown.see(&format!("standard output of {what}"), line);
        }
        for line in left.stderr.lines() {
            self.shown.see(&format!("standard error of {what}"), line);
        }
    }

    /// Every command, with success and with every failure.
    fn servers(&self) {
        let file = self.directory.write("query.sql", query());
        let token_file = self.directory.write("token", TOKEN);
        // The port of a client socket: nothing listens there, and no other process can get it.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let dead = format!("http://{}", client.local_addr().unwrap());
        for arguments in COMMANDS {
            for output in OUTPUTS {
                let ask = |what: &str, time: &str, url: &str, by_file: bool| {
                    let mut command = self.command_within(time, arguments, output, &file);
                    command.args(["--server", url]);
                    if by_file {
                        command
                            .env_remove("STEPWELL_TOKEN")
                            .args(["--token-file", &token_file]);
                    }
                    self.finish(&format!("{arguments:?} as {output} with {what}"), command)
                };
                for by_file in [false, true] {
                    let server = serve(World::new(Start::Finishing, None));
                    let left = ask("success", "300s", &server.url, by_file);
                    assert_eq!(left.code, Some(0), "{arguments:?}: {}", left.stderr);
                    assert!(
                        left.stderr.contains("http.request.method"),
                        "it is not talkative: {}",
                        left.stderr
                    );
                    let received = server.received();
                    assert!(received.contains(&format!("Bearer {TOKEN}")));
                    let has_query = arguments.contains(&"FILE");
                    assert_eq!(received.contains(PASSWORD), has_query);
                }
                for failure in [
                    Failure::Unauthorized,
                    Failure::BadRequest,
                    Failure::Echo,
                    Failure::EchoInJson,
                    Failure::Page,
                    Failure::BrokenJson,
                    Failure::Close,
                ] {
                    // The first request, and the second, which contains the query of a run.
                    for first in [0, 1] {
                        let failed = TIMES.into_iter().any(|time| {
                            let world = World::new(Start::Running, None);
                            let server = Server::start_on(move |request| {
                                if request.number < first {
                                    world.answer(request)
                                } else {
                                    failure.reply(&request.text)
                                }
                            });
                            ask(&format!("{failure:?}"), time, &server.url, false);
                            // A validation is one request.
                            let wanted = if arguments[0] == "validate" { 0 } else { first };
                            server.requests().len() > wanted && server.received().contains(TOKEN)
                        });
                        assert!(failed, "{arguments:?} has not met {failure:?}");
                    }
                }
                let refused = TIMES.into_iter().any(|time| {
                    let left = ask("a dead port", time, &dead, false);
                    left.stderr.contains("error.type=Refused")
                });
                assert!(refused, "{arguments:?} was not refused");
            }
        }
    }

    /// A password in the address is refused before anything is sent.
    fn addresses(&self) {
        let file = self.directory.write("query.sql", query());
        for arguments in COMMANDS {
            let server = serve(World::new(Start::Running, None));
            let url = server
                .url
                .replace("://", &format!("://user:{ADDRESS_PASSWORD}@"));
            for output in OUTPUTS {
                let mut by_flag = self.command(arguments, output, &file);
                by_flag.args(["--server", &url]);
                let mut by_variable = self.command(arguments, output, &file);
                by_variable.env("STEPWELL_SERVER", &url);
                for command in [by_flag, by_variable] {
                    let left = self.finish("an address", command);
                    assert_eq!(left.code, Some(2), "{}", left.stderr);
                    assert!(left.stderr.contains("credentials"), "{}", left.stderr);
                }
            }
            assert_eq!(server.received(), "");
        }
        for address in address::addresses() {
            let mut command = self.command(&["list"], "text", "");
            command.args(["--server", &address]);
            let left = self.finish(&format!("the address {address:?}"), command);
            assert_eq!(left.code, Some(2), "{}", left.stderr);
        }
    }

    /// The messages about the command line.
    fn usage(&self) {
        let address = format!("http://user:{ADDRESS_PASSWORD}@host");
        let by_equals = format!("--server={address}");
        let misspelt = format!("--sever={address}");
        let token = format!("--token={TOKEN}");
        for arguments in [
            &["--help"][..],
            &["run", "--help"],
            &["list", "--help"],
            &["run", "--token", TOKEN],
            &["run", &token],
            &["list", "--bogus"],
            &["list", &by_equals, "--bogus"],
            &["list", &misspelt],
            &["run", &by_equals, "--state-dir", "x"],
            &["list", "--server", &address, "--server", &address],
        ] {
            let mut command = self.command(arguments, "text", "");
            command.env("STEPWELL_SERVER", &address);
            self.finish(&format!("{} for its usage", arguments[0]), command);
        }
    }

    /// The embedded engine does not use the token, so it is in no file either.
    fn engine(&self) {
        let state = self.directory.path("state");
        let file = self
            .directory
            .query("event_rate = '50'", "SELECT counter FROM impulse");
        for output in OUTPUTS {
            let state = state.to_str().unwrap();
            let command = self.command(&["run", "-s", state, "FILE"], output, &file);
            let mut running = Running::start(command);
            running.wait_for_row("counter");
            running.signal(Signal::INT);
            let left = running.finish();
            self.see("the engine", &left);
            assert_eq!(left.code, Some(0), "{}", left.stderr);
        }
        let mut files = Vec::new();
        read_all(&state, &mut files);
        let holds = |text: &str| {
            files.iter().any(|(_, bytes)| {
                bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
            })
        };
        assert!(holds("SELECT counter FROM impulse"), "its query is kept");
        for (name, bytes) in &files {
            self.shown.see(name, name);
            self.shown
                .see(name, String::from_utf8_lossy(bytes).into_owned());
        }
        assert!(!holds(TOKEN));
    }
}

fn serve(world: World) -> Server {
    let world = Arc::new(world);
    Server::start_on(move |request| world.answer(request))
}

fn read_all(directory: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, files);
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}
