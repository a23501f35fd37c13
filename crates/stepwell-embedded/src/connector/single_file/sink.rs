//! The sink that writes a file: each row exactly once, across failures.
//!
//! A checkpoint has the length of the file, which is synced before the checkpoint is stored. A run that resumes from it cuts off what
//! came later, and a run that starts from the beginning empties the file, so rows that are written again are not in it twice.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    future,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use tokio::task;

use super::source::{DESCRIPTION, NAME};
use crate::connector::sink::{Sink, SinkConnector, Synced};
use crate::format::JsonRows;
use crate::run::{ExecutionError, Output};

/// A file that is written.
#[derive(Debug)]
pub(super) struct WrittenFile {
    pub(super) path: PathBuf,
}

impl SinkConnector for WrittenFile {
    fn node(&self) -> (&'static str, &'static str) {
        (NAME, DESCRIPTION)
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn sink(&self) -> Box<dyn Sink> {
        Box::new(FileSink::new(&self.path))
    }
}

#[derive(Debug)]
struct FileSink {
    path: PathBuf,
    file: Option<File>,
    /// How many of its bytes are rows of this pipeline.
    length: u64,
}

impl FileSink {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            length: 0,
        }
    }

    fn failed(&self, operation: &str, error: &io::Error) -> ExecutionError {
        failed(&self.path, operation, error)
    }
}

impl Sink for FileSink {
    fn position(&self) -> Option<u64> {
        Some(self.length)
    }

    fn resume(&mut self, position: u64) {
        self.length = position;
    }

    /// Opens the file and locks it against other writers.
    fn open(&mut self, read: &[PathBuf]) -> Result<(), ExecutionError> {
        if self.file.is_none() {
            let file =
                open(&self.path, self.length, read).map_err(|error| self.failed("open", &error))?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// Cuts the file to its length.
    fn cut(&mut self) -> Result<(), ExecutionError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        cut(file, &self.path, self.length).map_err(|error| self.failed("open", &error))
    }

    fn write(&mut self, rows: JsonRows, _output: &mut Output) -> Result<(), ExecutionError> {
        let lines = rows.text();
        let Some(file) = &mut self.file else {
            return Err(self.failed("write", &io::Error::other("it is not open")));
        };
        let written = file.write_all(lines);
        written.map_err(|error| self.failed("write", &error).retryable())?;
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Also checks that the file is still the one at its path.
    fn sync(&self) -> Synced {
        let Some(file) = &self.file else {
            return Box::pin(future::ready(Ok(())));
        };
        let (file, path, length) = (file.try_clone(), self.path.clone(), self.length);
        Box::pin(async move {
            let synced = match file {
                Ok(file) => {
                    let path = path.clone();
                    task::spawn_blocking(move || {
                        file.sync_data()?;
                        Ok(check_unchanged(&file, &path, length))
                    })
                    .await
                    .unwrap_or_else(|_| Err(io::Error::other("the write was given up")))
                }
                Err(error) => Err(error),
            };
            let unchanged = synced.map_err(|error| failed(&path, "write", &error).retryable())?;
            // Not retryable: another file is at the path.
            unchanged.map_err(|error| failed(&path, "write", &error))
        })
    }
}

impl Drop for FileSink {
    /// A sync that was abandoned may keep the file open for a while. The next run does not wait for it.
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Closing the last handle releases the lock anyway.
            let _ = file.unlock();
        }
    }
}

fn failed(path: &Path, operation: &str, error: &io::Error) -> ExecutionError {
    let path = path.display();
    ExecutionError::connector(&format!("failed to {operation} file '{path}': {error}"))
}

fn open(path: &Path, length: u64, sources: &[PathBuf]) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Opening a pipe would block.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it is not a regular file"));
    }
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let own = identity(path)?;
    if sources
        .iter()
        .any(|source| identity(source).is_ok_and(|source| source == own))
    {
        return Err(io::Error::other("the query reads it"));
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::other("another pipeline writes to it"));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let found = file.metadata()?.len();
    if found < length {
        return Err(io::Error::other(format!(
            "it has {found} bytes, and the checkpoint knows of {length}: it was changed meanwhile; with another state directory the \
             query begins it anew"
        )));
    }
    Ok(file)
}

fn cut(file: &mut File, path: &Path, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length))?;
    sync_directory(path)
}

/// A file that was moved or truncated since does not have the rows that a checkpoint would claim.
fn check_unchanged(file: &File, path: &Path, length: u64) -> io::Result<()> {
    if !is_at(file, path)? {
        return Err(io::Error::other("it was removed or replaced meanwhile"));
    }
    let found = file.metadata()?.len();
    if found != length {
        return Err(io::Error::other(format!(
            "it has {found} bytes, and {length} were written: it was changed meanwhile"
        )));
    }
    Ok(())
}

/// Identifies a file, whatever its name.
#[cfg(unix)]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|found| number(&found))
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = number(&file.metadata()?);
    match identity(path) {
        Ok(found) => Ok(found == own),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn number(found: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

/// A new file survives a power cut only if its directory is synced too.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_under_way_does_not_keep_the_next_run_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.json");
        let mut first = FileSink::new(&path);
        first.open(&[]).unwrap();
        let rows = JsonRows::new("{\"n\":1}\n", 1);
        first.write(rows, &mut Output::default()).unwrap();
        assert!(FileSink::new(&path).open(&[]).is_err());
        let of_sync = first.file.as_ref().unwrap().try_clone().unwrap();
        let first_length = first.position().unwrap();
        drop(first);
        let mut second = FileSink::new(&path);
        second.resume(first_length);
        second.open(&[]).unwrap();
        of_sync.sync_data().unwrap();
    }
}
