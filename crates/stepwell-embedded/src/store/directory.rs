//! The state directory: private to its user, and locked against other processes.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use snafu::ResultExt as _;

use crate::error::{CreateDirectorySnafu, EngineError, OpenFileSnafu};

/// The file whose lock marks the directory as used. The file stays when the engine ends; only the lock counts.
const LOCK_FILE: &str = "lock";

/// A state directory that is locked until this value is dropped.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
    /// Held for its lock, which the operating system releases however the process ends.
    _lock: File,
}

impl StateDirectory {
    /// Creates the directory if it does not exist (mode 0700, its parents as usual) and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        create(path)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock(path)?,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn create(path: &Path) -> Result<(), EngineError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => {
            return Err(EngineError::NotADirectory {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context(CreateDirectorySnafu { path }),
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent).context(CreateDirectorySnafu { path })?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Another process has just created it: the lock decides between the two.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result.context(CreateDirectorySnafu { path }),
    }
}

fn lock(directory: &Path) -> Result<File, EngineError> {
    let path = directory.join(LOCK_FILE);
    let mut file = private_file(&path).context(OpenFileSnafu { path: &path })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(EngineError::Locked {
                path: directory.to_owned(),
                pid: holder(&mut file),
            });
        }
        Err(TryLockError::Error(error)) => return Err(error).context(OpenFileSnafu { path }),
    }
    write_holder(&mut file).context(OpenFileSnafu { path })?;
    Ok(file)
}

/// The process id that the holder of the lock wrote into the file. It is only for the message.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// Opens a file for reading and writing. If it does not exist, it is created for its owner alone.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let _directory = StateDirectory::open(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            assert_eq!(mode(&path.join(LOCK_FILE)), 0o600);
        }
    }

    #[test]
    fn a_second_lock_is_refused_and_names_the_holder() {
        let parent = tempfile::tempdir().unwrap();
        let first = StateDirectory::open(parent.path()).unwrap();
        let error = StateDirectory::open(parent.path()).unwrap_err();
        assert!(
            matches!(&error, EngineError::Locked { pid: Some(pid), .. } if *pid == std::process::id()),
            "{error}"
        );
        drop(first);
        StateDirectory::open(parent.path()).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "kept").unwrap();
        let error = StateDirectory::open(&file).unwrap_err();
        assert!(
            matches!(error, EngineError::NotADirectory { .. }),
            "{error}"
        );
        let error = StateDirectory::open(&file.join("below")).unwrap_err();
        assert!(
            matches!(error, EngineError::CreateDirectory { .. }),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    }
}
