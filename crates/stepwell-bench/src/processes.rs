//! The processes of a measurement: the server, and each client by itself.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::client::floor::Failure;

/// A server in a process of its own, which ends with this value.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Its address.
    pub url: String,
}

impl Server {
    /// Starts a server that holds so many pipelines.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start(held: usize) -> Result<Self, Failure> {
        Self::start_as("serve", held)
    }

    /// Starts one that takes as long as an Arroyo.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_like_arroyo(held: usize) -> Result<Self, Failure> {
        Self::start_as("serve-like-arroyo", held)
    }

    fn start_as(command: &str, held: usize) -> Result<Self, Failure> {
        let mut process = Command::new(program("stepwell-bench")?)
            .args([command, &held.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let output = process.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output).read_line(&mut url)?;
        let url = url.trim().to_owned();
        Ok(Self { process, url })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What cannot be ended has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A program of this package.
fn program(name: &str) -> Result<PathBuf, Failure> {
    let own = env::current_exe()?;
    // A benchmark lies one folder deeper than the programs.
    let folders = own.ancestors().skip(1).take(2);
    let mut programs = folders.map(|folder| folder.join(name));
    programs.find(|program| program.is_file()).ok_or_else(|| {
        format!("build {name} first: cargo build --release -p stepwell-bench").into()
    })
}

/// What a client says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Taken {
    /// The time of each run.
    pub nanoseconds: Vec<u64>,
    /// The processor time of all runs.
    pub cpu_nanoseconds: u64,
    /// What was in memory before, in bytes.
    pub memory_before: u64,
    /// The most that was in memory, in bytes.
    pub memory_peak: u64,
}

/// What was counted in all runs of a client.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Allocated {
    /// How often memory was asked for or grown.
    pub allocations: u64,
    /// How many bytes were asked for.
    pub bytes: u64,
}

/// The memory of many submissions at once.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Held {
    /// The most that they held, in bytes.
    pub peak: u64,
    /// The size of the future of one.
    pub future: u64,
}

/// What the server was asked.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Asked {
    /// All requests.
    pub requests: u64,
    /// Pages of the list.
    pub lists: u64,
    /// Rows in these.
    pub rows: u64,
}

/// Runs a client to its end.
///
/// # Errors
///
/// When it fails.
pub fn client<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, Failure> {
    said(Command::new(program("stepwell-bench")?).args(arguments))
}

/// Runs a client with every allocation counted.
///
/// # Errors
///
/// When it fails.
pub fn counted<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, Failure> {
    said(Command::new(program("allocations")?).args(arguments))
}

/// The instructions of a client, its start included; `None` without valgrind.
///
/// # Errors
///
/// When the client fails.
pub fn instructions(arguments: &[&str]) -> Result<Option<u64>, Failure> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program("stepwell-bench")?)
        .args(arguments)
        // One instruction that copies a whole buffer would count once a byte.
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-ERMS,-FSRM")
        .output();
    let Ok(output) = run else { return Ok(None) };
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(log.into_owned().into());
    }
    let collected = log.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = collected.ok_or("valgrind has counted nothing")?;
    Ok(Some(count.trim().parse()?))
}

fn said<T: DeserializeOwned>(command: &mut Command) -> Result<T, Failure> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?} failed with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
