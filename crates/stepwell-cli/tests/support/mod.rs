//! The binary as a process, and servers for it.

#![allow(unreachable_pub, reason = "a test file is its own crate")]
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::match_same_arms, reason = "in the order of the paths")]

pub mod engine;
pub mod pipelines;
pub mod released;
pub mod schema;
pub mod server;
pub mod terminal;

use std::{
    io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// Anything that takes longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A command with a clean environment.
pub fn stepwell(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A run without a state directory creates it in the build directory.
    command.env("TMPDIR", env!("CARGO_TARGET_TMPDIR"));
    for variable in [
        "STEPWELL_SERVER",
        "STEPWELL_TOKEN",
        "STEPWELL_CA_FILE",
        "STEPWELL_CLIENT_CERTIFICATE",
        "STEPWELL_CLIENT_KEY",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command
}

/// The result of a process.
#[derive(Debug)]
pub struct Left {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command, with a time limit.
pub fn run(arguments: &[&str]) -> Left {
    Running::start(stepwell(arguments)).finish()
}

/// A running process.
pub struct Running {
    child: Child,
    /// Whether standard error is JSON, which is checked against its schema.
    is_json: bool,
    stdout: Lines,
    stderr: Lines,
}

/// Lines as they arrive.
struct Lines {
    coming: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let is_json = command
            .get_args()
            .any(|argument| argument == "json" || argument == "--output=json");
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().map_or_else(Lines::none, Lines::read);
        let stderr = child.stderr.take().map_or_else(Lines::none, Lines::read);
        Self {
            child,
            is_json,
            stdout,
            stderr,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        // An ignored signal is inherited, and would have no effect.
        assert!(
            signal != Signal::INT || !has_interrupts("SigIgn:", std::process::id()),
            "the tests were started with SIGINT ignored, as in the background of a script; use env --default-signal=INT"
        );
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until the process handles signals.
    pub fn wait_until_it_listens(&self) {
        while !catches_interrupts(self.id()) {
            thread::yield_now();
        }
    }

    /// Sends a signal repeatedly until the process has ended, because a second signal right after the first does not count.
    pub fn signal_until_ended(&mut self, signal: Signal) {
        while !self.has_ended() {
            self.signal(signal);
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Waits for a line with `text` on standard output.
    pub fn wait_for_row(&mut self, text: &str) -> String {
        self.stdout.wait_for(text)
    }

    /// Waits for a line with `text` on standard error.
    pub fn wait_for_message(&mut self, text: &str) -> String {
        self.stderr.wait_for(text)
    }

    /// Waits until the address of the embedded engine is shown.
    pub fn engine(&mut self) -> String {
        let line = self.wait_for_message("--server http");
        line.split_once("--server ").unwrap().1.to_owned()
    }

    /// Whether a line with `text` appears on standard error before the end.
    pub fn says(&mut self, text: &str) -> bool {
        self.stderr.find(text)
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn finish(mut self) -> Left {
        let status = self.wait();
        let left = Left {
            code: status.code(),
            stdout: self.stdout.rest(),
            stderr: self.stderr.rest(),
        };
        if self.is_json {
            schema::check(&left);
        }
        left
    }

    fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            if started.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it hangs; standard error:\n{}", self.stderr.rest());
            }
            thread::yield_now();
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

/// Whether a process has a handler for SIGINT.
fn catches_interrupts(process: u32) -> bool {
    has_interrupts("SigCgt:", process)
}

/// Whether SIGINT is in this mask of a process.
fn has_interrupts(mask: &str, process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix(mask))
        .unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 0b10 != 0
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn none() -> Self {
        Self {
            coming: mpsc::channel().1,
            seen: Vec::new(),
        }
    }

    fn read(pipe: impl Read + Send + 'static) -> Self {
        let (lines, coming) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                if line.is_err() || lines.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self {
            coming,
            seen: Vec::new(),
        }
    }

    fn wait_for(&mut self, text: &str) -> String {
        let started = Instant::now();
        loop {
            match self
                .coming
                .recv_timeout(PATIENCE.saturating_sub(started.elapsed()))
            {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!(
                    "{error}: no line with {text:?} in:\n{}",
                    self.seen.join("\n")
                ),
            }
        }
    }

    fn find(&mut self, text: &str) -> bool {
        while let Ok(line) = self.coming.recv_timeout(PATIENCE) {
            self.seen.push(line);
            if self.seen.last().is_some_and(|line| line.contains(text)) {
                return true;
            }
        }
        false
    }

    fn rest(&mut self) -> String {
        while let Ok(line) = self.coming.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let mut text = self.seen.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// A directory for one test, with a query in it.
pub struct TestDirectory {
    directory: tempfile::TempDir,
}

impl TestDirectory {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    /// A query of an impulse table with these options.
    pub fn query(&self, options: &str, select: &str) -> String {
        self.write(
            "query.sql",
            format!("CREATE TABLE impulse WITH (connector = 'impulse', {options});\n{select};\n"),
        )
    }
}

/// A full pipe without a reader.
pub fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let size = rustix::pipe::fcntl_getpipe_size(&writer).unwrap();
    writer.write_all(&vec![b'\n'; size]).unwrap();
    (reader, writer)
}

/// An address at which nothing listens.
pub fn nothing_listens() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// An example of the repository.
pub fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name);
    path.to_str().unwrap().to_owned()
}
