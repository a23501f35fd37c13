//! The processes of a measurement: the server, and one for each client.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::client::floor::Failure;

/// A server in its own process, which is killed on drop.
#[derive(Debug)]
pub struct ServerProcess {
    process: Child,
    /// Its address.
    pub url: String,
}

impl ServerProcess {
    /// Starts a server that holds this many pipelines.
    ///
    /// # Errors
    ///
    /// Fails if it does not start.
    pub fn start(held: usize) -> Result<Self, Failure> {
        Self::start_as("serve", held)
    }

    /// Starts a server that is as slow as an Arroyo.
    ///
    /// # Errors
    ///
    /// Fails if it does not start.
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

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It fails if the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The path of another program that is built with this one.
///
/// # Errors
///
/// Fails if the path of this program is not known.
pub fn program(name: &str) -> Result<PathBuf, Failure> {
    let own = env::current_exe()?;
    // A benchmark is one folder below the programs.
    let folders = own.ancestors().skip(1);
    let folder = folders.into_iter().find(|folder| !folder.ends_with("deps"));
    Ok(folder.ok_or("this program is in no folder")?.join(name))
}

/// The cost of a client's runs, as it prints it.
#[derive(Clone, Debug, Deserialize)]
pub struct Taken {
    /// The time of each run.
    pub nanoseconds: Vec<u64>,
    /// The processor time of all runs.
    pub cpu_nanoseconds: u64,
    /// The memory before the runs, in bytes.
    pub memory_before: u64,
    /// The peak of the memory, in bytes.
    pub memory_peak: u64,
}

/// The allocations in all runs of a client.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Allocated {
    /// The number of allocations and reallocations.
    pub allocations: u64,
    /// The bytes allocated.
    pub bytes: u64,
}

/// The memory of many concurrent submissions.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct HeldMemory {
    /// The peak, in bytes.
    pub peak: u64,
    /// The size of the future of one.
    pub future: u64,
}

/// Runs a client, and returns what it prints.
///
/// # Errors
///
/// Fails if the client fails.
pub fn client<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, Failure> {
    printed(Command::new(program("stepwell-bench")?).args(arguments))
}

/// Runs a client with every allocation counted.
///
/// # Errors
///
/// Fails if the client fails.
pub fn counted<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, Failure> {
    printed(Command::new(program("allocations")?).args(arguments))
}

/// The number of instructions of a client, including its start; `None` without valgrind.
///
/// # Errors
///
/// Fails if the client fails.
pub fn instructions(arguments: &[&str]) -> Result<Option<u64>, Failure> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program("stepwell-bench")?)
        .args(arguments)
        // valgrind counts an instruction that copies a buffer once for each byte.
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

fn printed<T: DeserializeOwned>(command: &mut Command) -> Result<T, Failure> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?} failed with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
