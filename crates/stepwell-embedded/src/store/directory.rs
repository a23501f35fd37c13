//! The state directory: private to its user, and locked against other processes.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use snafu::ResultExt as _;

use crate::error::{CreateDirectorySnafu, EngineError, OpenFileSnafu};

/// The file whose lock marks the directory as used: an engine has it exclusively, a look shares it with other looks. The file stays when
/// the engine ends; only the lock counts. It has the process id of the engine, and on a second line its URL.
const LOCK_FILE: &str = "lock";

/// How long an engine waits for looks at the directory, each of which takes milliseconds.
const LOOKS_END_WITHIN: Duration = Duration::from_secs(5);

/// A state directory that is locked until this value is dropped.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
    /// Held for its lock, which the operating system releases however the process ends.
    lock: File,
}

impl StateDirectory {
    /// Creates the directory if it does not exist (mode 0700, its parents as usual) and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        create(path)?;
        Ok(Self {
            path: path.to_owned(),
            lock: lock(path)?,
        })
    }

    /// Leaves the URL of the engine for other processes.
    pub(crate) fn announce(&self, url: &str) -> Result<(), EngineError> {
        let path = self.path.join(LOCK_FILE);
        writeln!(&self.lock, "{url}").context(OpenFileSnafu { path })
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
    let opening = || OpenFileSnafu { path: &path };
    let mut file = private_file(&path).with_context(|_| opening())?;
    let started = Instant::now();
    while !is_taken(file.try_lock()).with_context(|_| opening())? {
        // A shared lock can be had beside looks, but not beside an engine.
        let is_engine = !is_taken(file.try_lock_shared()).with_context(|_| opening())?;
        if is_engine || started.elapsed() > LOOKS_END_WITHIN {
            let pid = Holder::read(&mut file).pid.filter(|_| is_engine);
            let path = directory.to_owned();
            return Err(EngineError::Locked { path, pid });
        }
        thread::sleep(Duration::from_millis(1));
    }
    write_holder(&mut file).with_context(|_| opening())?;
    Ok(file)
}

/// Whether the lock was taken; `false` if another process has it.
fn is_taken(result: Result<(), TryLockError>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What the engine that holds the lock has written into the file.
#[derive(Debug, Default)]
pub(crate) struct Holder {
    /// Its process id, for messages.
    pub(crate) pid: Option<u32>,
    /// Its URL; `None` while it starts, and for an engine that only looks at the state.
    pub(crate) url: Option<String>,
}

impl Holder {
    fn read(file: &mut File) -> Self {
        let mut text = String::new();
        if file.rewind().is_err() || file.take(256).read_to_string(&mut text).is_err() {
            return Self::default();
        }
        let mut lines = text.split_inclusive('\n');
        // A line without an end is still being written.
        let mut line = || lines.next().and_then(|line| line.strip_suffix('\n'));
        Self {
            pid: line().and_then(|pid| pid.parse().ok()),
            url: line().map(str::to_owned),
        }
    }
}

/// The lock of a look, shared with other looks. An engine waits until it is dropped.
#[derive(Debug)]
pub(crate) struct LookLock(#[allow(dead_code, reason = "it is held for its lock")] Option<File>);

impl LookLock {
    /// Locks a state directory for a look, without changing it. Fails with the engine that holds it.
    pub(crate) fn take(directory: &Path) -> Result<Result<Self, Holder>, EngineError> {
        let path = directory.join(LOCK_FILE);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            // No engine has used it here: it is a copy of one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(Self(None))),
            Err(error) => return Err(error).context(OpenFileSnafu { path }),
        };
        if is_taken(file.try_lock_shared()).context(OpenFileSnafu { path })? {
            Ok(Ok(Self(Some(file))))
        } else {
            Ok(Err(Holder::read(&mut file)))
        }
    }
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
    fn a_look_sees_the_address_of_the_engine_and_does_not_disturb_it() {
        let parent = tempfile::tempdir().unwrap();
        let engine = StateDirectory::open(parent.path()).unwrap();
        let holder = |look: Result<LookLock, Holder>| look.unwrap_err();
        let starting = holder(LookLock::take(parent.path()).unwrap());
        assert_eq!(
            (starting.pid, starting.url),
            (Some(std::process::id()), None)
        );
        engine.announce("http://127.0.0.1:1").unwrap();
        let ready = holder(LookLock::take(parent.path()).unwrap());
        assert_eq!(ready.url.as_deref(), Some("http://127.0.0.1:1"));
        drop(engine);

        // Looks do not exclude each other, and an engine waits for them.
        let one = LookLock::take(parent.path()).unwrap().unwrap();
        let two = LookLock::take(parent.path()).unwrap().unwrap();
        let path = parent.path().to_owned();
        let opening = std::thread::spawn(move || StateDirectory::open(&path).map(drop));
        drop((one, two));
        opening.join().unwrap().unwrap();
        let restarted = StateDirectory::open(parent.path()).unwrap();
        let holder = holder(LookLock::take(parent.path()).unwrap());
        assert_eq!(holder.url, None, "the address of the engine before is gone");
        drop(restarted);
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
