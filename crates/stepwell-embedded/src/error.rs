//! What can go wrong when an engine is started or closed.

use std::io;
use std::path::PathBuf;

use snafu::Snafu;

/// Why an engine could not be started, or closed cleanly.
///
/// Every message names the file or address that it is about, and says what to do next if anything can be done. No error is preceded by
/// the deletion of anything.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum EngineError {
    /// The state directory does not exist and could not be created.
    #[snafu(display(
        "creating the state directory {}; name a directory that can be written to",
        path.display()
    ))]
    CreateDirectory {
        /// The state directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// The path of the state directory is not a directory.
    #[snafu(display("the state directory {} is not a directory; name another path", path.display()))]
    NotADirectory {
        /// The path that was given.
        path: PathBuf,
    },

    /// A file of the state directory could not be created, read or locked.
    #[snafu(display(
        "opening {}; the state directory has to be readable and writable for this user",
        path.display()
    ))]
    OpenFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },

    /// There is no state of an engine in the directory to look at.
    #[snafu(display(
        "there is no state of the embedded engine in {}; a run with this state directory makes it",
        path.display()
    ))]
    NoState {
        /// The directory.
        path: PathBuf,
    },

    /// Another engine uses the state directory.
    #[snafu(display(
        "the state directory {} is in use by {}; stop that first, or use another directory",
        path.display(),
        pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    ))]
    Locked {
        /// The state directory.
        path: PathBuf,
        /// The process that holds the lock, if it has written its id.
        pid: Option<u32>,
    },

    /// The database was written by another version of the engine.
    #[snafu(display(
        "{} has format {found}, this version reads format {supported}; {}",
        path.display(),
        if found > supported {
            "use the newer version that wrote it, or another state directory"
        } else {
            "use the older version that wrote it, or another state directory"
        }
    ))]
    Version {
        /// The database file.
        path: PathBuf,
        /// The format that it has.
        found: i64,
        /// The format that this version reads and writes.
        supported: i64,
    },

    /// The database file belongs to another program.
    #[snafu(display(
        "{} is a database of another program; use another state directory",
        path.display()
    ))]
    Foreign {
        /// The database file.
        path: PathBuf,
    },

    /// The database is damaged.
    #[snafu(display(
        "{} is damaged ({detail}); nothing was changed: put a backup in its place, or move it and the files \
         beside it away to start from nothing",
        path.display()
    ))]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },

    /// The database could not be read or written for a reason other than damage, such as a full disk.
    #[snafu(display("{operation} {}", path.display()))]
    Database {
        /// What was tried.
        operation: &'static str,
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The loopback address could not be listened on.
    #[snafu(display("listening on 127.0.0.1:{port}"))]
    Listen {
        /// The port that was asked for; 0 is any.
        port: u16,
        /// What the operating system says.
        source: io::Error,
    },

    /// The operating system refused to start a thread.
    #[snafu(display("starting a thread of the engine"))]
    Thread {
        /// What the operating system says.
        source: io::Error,
    },

    /// The engine's controller ended because of a fault in the engine.
    #[snafu(display("the engine's controller ended unexpectedly; this is a fault in the engine"))]
    ControllerGone,
}
