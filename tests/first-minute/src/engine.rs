//! The embedded engine in its own process, in place of the reader's server.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::failure::Failure;

pub(crate) struct EngineProcess {
    pub(crate) address: String,
    process: Child,
    /// Removed on drop.
    _directory: TempDir,
}

impl EngineProcess {
    /// Starts an engine on a port that the system chooses.
    pub(crate) fn start(root: &Path) -> Result<Self, Failure> {
        let built = Command::new("cargo")
            .current_dir(root)
            .args(["build", "--quiet", "--example", "engine"])
            .status()?;
        if !built.success() {
            return Err("the engine does not build".into());
        }
        let own = std::env::current_exe()?;
        let program = own.with_file_name("examples").join("engine");
        let directory = tempfile::tempdir()?;
        let mut process = Command::new(program)
            .arg(directory.path())
            .arg("0")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let stdout = process.stdout.take().ok_or("the engine has no output")?;
        BufReader::new(stdout).read_line(&mut address)?;
        Ok(Self {
            address: address.trim().to_owned(),
            process,
            _directory: directory,
        })
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
