//! The single-file sink: each row once, whatever happens in between.
//!
//! A checkpoint knows how long the file was, and the file is synced before the checkpoint is stored. A run that starts from it cuts off
//! what came later, and a run that starts from the beginning begins the file anew, so lines that are written once more are not in it
//! twice.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use tokio::task;

use crate::run::ExecutionError;

#[derive(Debug)]
pub(crate) struct FileSink {
    path: PathBuf,
    file: Option<File>,
    /// How many bytes of it are rows of this pipeline.
    length: u64,
}

impl FileSink {
    /// A sink that goes on after so many bytes.
    pub(crate) fn new(path: &Path, length: u64) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            length,
        }
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Opens the file, if it is not open: locked against other writers, and as it is. `sources` are files that it must not be.
    pub(crate) fn open(&mut self, sources: &[PathBuf]) -> Result<(), ExecutionError> {
        if self.file.is_none() {
            let file = open(&self.path, self.length, sources)
                .map_err(|error| self.failed("open", &error))?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// Cuts the file to its length. That is done once all files are open: a query that cannot run has changed none.
    pub(crate) fn cut(&mut self) -> Result<(), ExecutionError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        cut(file, &self.path, self.length).map_err(|error| self.failed("open", &error))
    }

    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<(), ExecutionError> {
        let Some(file) = &mut self.file else {
            return Err(self.failed("write", &io::Error::other("it is not open")));
        };
        let written = file.write_all(lines);
        written.map_err(|error| ExecutionError::retryable(self.failed("write", &error)))?;
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Returns once all that was written would survive a power cut, and is where it can be found.
    pub(crate) async fn sync(&self) -> Result<(), ExecutionError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let synced = match file.try_clone() {
            Ok(file) => {
                let (path, length) = (self.path.clone(), self.length);
                task::spawn_blocking(move || {
                    file.sync_data()?;
                    Ok(check_unchanged(&file, &path, length))
                })
                .await
                .unwrap_or_else(|_| Err(io::Error::other("the write was given up")))
            }
            Err(error) => Err(error),
        };
        let unchanged =
            synced.map_err(|error| ExecutionError::retryable(self.failed("write", &error)))?;
        // Nothing is tried again on a file that is another.
        unchanged.map_err(|error| self.failed("write", &error))
    }

    fn failed(&self, operation: &str, error: &io::Error) -> ExecutionError {
        let path = self.path.display();
        ExecutionError::connector(&format!("failed to {operation} file '{path}': {error}"))
    }
}

impl Drop for FileSink {
    /// A sync that nobody waits for any more may hold the file open for a while. The next run does not wait for it.
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // The lock goes with the last handle anyway.
            let _ = file.unlock();
        }
    }
}

fn open(path: &Path, length: u64, sources: &[PathBuf]) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // A pipe would be waited for when it is opened.
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

/// A file that was moved away or emptied meanwhile does not have the rows that it is said to have.
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

/// What tells a file from others, whatever names it has.
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

/// A new file is found after a power cut only if its directory is synced too.
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
        let mut first = FileSink::new(&path, 0);
        first.open(&[]).unwrap();
        first.write(b"1\n").unwrap();
        assert!(FileSink::new(&path, 0).open(&[]).is_err());
        let of_sync = first.file.as_ref().unwrap().try_clone().unwrap();
        drop(first);
        FileSink::new(&path, 2).open(&[]).unwrap();
        of_sync.sync_data().unwrap();
    }
}
