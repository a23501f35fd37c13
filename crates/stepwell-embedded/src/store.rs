//! The store: the records of the control plane and the checkpoints of the jobs, in one SQLite file.
//!
//! The journal is a write-ahead log with `synchronous = FULL`. With `NORMAL` a commit survives a killed process but not a
//! power cut, and the server promises that what a reply reports is durable. The price is one `fsync` per batch, not per request, because
//! the controller commits all messages that have arrived together.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};
use snafu::ResultExt as _;

use crate::error::{EngineError, OpenFileSnafu};

mod checkpoint;
mod directory;
mod schema;
#[cfg(test)]
mod tests;

pub(crate) use self::checkpoint::Restored;
pub(crate) use self::directory::{LookLock, StateDirectory};

/// The database, in the state directory.
const FILE: &str = "stepwell.sqlite";
/// SQLite's smallest page.
const SMALLEST_FILE: u64 = 512;
/// How many checkpoints of a job are kept. One would do for resuming; the others are for when it is damaged.
const KEPT_CHECKPOINTS: u64 = 4;

/// Changes that are written in one transaction.
#[derive(Debug, Default)]
pub(crate) struct WriteBatch {
    /// By pipeline id: the record as it is now; `None`: it was deleted.
    pub(crate) records: BTreeMap<String, Option<Vec<u8>>>,
    /// New checkpoints.
    pub(crate) checkpoints: Vec<NewCheckpoint>,
    /// Jobs whose checkpoints are no longer needed.
    pub(crate) forgotten_jobs: Vec<String>,
}

/// The state of a job at one epoch, in parts that are opaque to the store.
#[derive(Clone, Debug)]
pub(crate) struct NewCheckpoint {
    pub(crate) job: String,
    pub(crate) epoch: u64,
    pub(crate) state: Vec<Vec<u8>>,
}

impl WriteBatch {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.checkpoints.is_empty() && self.forgotten_jobs.is_empty()
    }
}

/// The open database. All of its calls block.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    connection: Connection,
}

impl Store {
    /// Opens the database of a locked state directory, and creates it if it does not exist.
    pub(crate) fn open(directory: &Path) -> Result<Self, EngineError> {
        let path = directory.join(FILE);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() >= SMALLEST_FILE => {}
            // A new database gets its name only once it is complete, so this one has lost its content. SQLite would take it for an
            // empty one.
            Ok(metadata) => {
                let detail = format!("it was cut short, to {} bytes", metadata.len());
                return Err(EngineError::Damaged { path, detail });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(&path)?,
            Err(error) => return Err(error).context(OpenFileSnafu { path }),
        }
        let connection = connect(&path).map_err(failed("opening", &path))?;
        schema::check(&connection, &path)?;
        schema::configure(&connection).map_err(failed("opening", &path))?;
        Ok(Self { path, connection })
    }

    /// Opens the database of a directory that no engine uses, only to read it. Creates nothing.
    pub(crate) fn open_to_look(directory: &Path) -> Result<Self, EngineError> {
        let path = directory.join(FILE);
        match fs::metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let path = directory.to_owned();
                return Err(EngineError::NoState { path });
            }
            Err(error) => return Err(error).context(OpenFileSnafu { path }),
        }
        let connection = connect_to_look(&path).map_err(failed("opening", &path))?;
        schema::check(&connection, &path)?;
        Ok(Self { path, connection })
    }

    /// The ids and records of all pipelines in the order in which they were first written.
    pub(crate) fn records(&self) -> Result<Vec<(String, Vec<u8>)>, EngineError> {
        let read = || {
            let mut statement = self
                .connection
                .prepare("SELECT id, body FROM records ORDER BY sequence")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(failed("reading", &self.path))
    }

    /// The error for a record that this version cannot have written: the file is damaged in a way that SQLite does not notice.
    pub(crate) fn damaged(&self, detail: String) -> EngineError {
        EngineError::Damaged {
            path: self.path.clone(),
            detail,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the whole batch or nothing. Returns once it is durable.
    pub(crate) fn commit(&mut self, batch: &WriteBatch) -> Result<(), EngineError> {
        if batch.is_empty() {
            return Ok(());
        }
        write(&mut self.connection, batch).map_err(failed("writing to", &self.path))
    }

    /// The state of a job at its newest intact checkpoint up to `epoch`.
    pub(crate) fn restore(&self, job: &str, epoch: u64) -> Result<Restored, EngineError> {
        checkpoint::newest_sound(&self.connection, job, epoch)
            .map_err(failed("reading", &self.path))
    }

    /// The sizes of a job's checkpoints in bytes, by epoch.
    pub(crate) fn checkpoint_sizes(&self, job: &str) -> Result<BTreeMap<u64, u64>, EngineError> {
        checkpoint::sizes(&self.connection, job).map_err(failed("reading", &self.path))
    }

    /// Folds the log into the database file, so that a directory at rest is one file.
    pub(crate) fn close(self) -> Result<(), EngineError> {
        let Self { path, connection } = self;
        connection
            .close()
            .map_err(|(_, error)| failed("closing", &path)(error))
    }
}

/// Creates a new database under another name and renames it, so that an incomplete one is never taken for a database.
fn create(path: &Path) -> Result<(), EngineError> {
    let log = path.with_extension("sqlite-wal");
    if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0) {
        let detail = format!("it is missing, while its log {} is there", log.display());
        return Err(EngineError::Damaged {
            path: path.to_owned(),
            detail,
        });
    }
    let unfinished = path.with_extension("sqlite.new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).context(OpenFileSnafu { path: unfinished });
        }
        _ => {}
    }
    // SQLite gives the files that it creates beside a database the mode of the database.
    directory::private_file(&unfinished).context(OpenFileSnafu { path: &unfinished })?;
    let build = || {
        let connection = connect(&unfinished)?;
        schema::create(&connection)?;
        connection.close().map_err(|(_, error)| error)
    };
    build().map_err(failed("creating", path))?;
    let publish = || {
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, path)
    };
    publish().context(OpenFileSnafu { path })
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // The lock on the directory keeps other writers out, but SQLite's shell may have the file open.
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    Ok(connection)
}

/// Opens the database to read it. At rest it is one file, which SQLite is told not to expect changes of, so that it puts no files beside it.
/// After a crash its log is there too, and is read with it.
fn connect_to_look(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let log = path.with_extension("sqlite-wal");
    if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0) {
        return Connection::open_with_flags(path, flags);
    }
    let uri = format!("file:{}?immutable=1", in_a_uri(path));
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
}

/// A path with everything escaped that means something in a URI.
fn in_a_uri(path: &Path) -> String {
    let mut escaped = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            escaped.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn write(connection: &mut Connection, batch: &WriteBatch) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut upsert = transaction.prepare(
            "INSERT INTO records (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        )?;
        let mut delete = transaction.prepare("DELETE FROM records WHERE id = ?1")?;
        for (id, body) in &batch.records {
            match body {
                Some(body) => upsert.execute(params![id, body])?,
                None => delete.execute(params![id])?,
            };
        }
    }
    for job in &batch.forgotten_jobs {
        checkpoint::forget(&transaction, job)?;
    }
    for new in &batch.checkpoints {
        checkpoint::write(&transaction, new)?;
    }
    transaction.commit()
}

/// Turns an error of SQLite into one that names the file.
fn failed(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(rusqlite::Error) -> EngineError + use<> {
    let path = path.to_owned();
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => EngineError::Damaged {
            path,
            detail: error.to_string(),
        },
        _ => EngineError::Database {
            operation,
            path,
            source: Box::new(error),
        },
    }
}
