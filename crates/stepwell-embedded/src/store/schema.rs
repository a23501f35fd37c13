//! The tables, and how a file is told to be ours, sound, and of this version.

use std::path::Path;

use rusqlite::Connection;

use super::failed;
use crate::error::EngineError;

/// The format of the tables and of what is in them; SQLite's `user_version`.
pub(super) const VERSION: i64 = 1;
/// "swel": says that a database is ours; SQLite's `application_id`.
pub(super) const APPLICATION: i64 = 0x7377_656c;

const TABLES: &str = "
    CREATE TABLE records (
        sequence INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE checkpoints (
        job TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        checksum BLOB NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (job, epoch)
    ) STRICT;
";

/// Makes the tables in an empty database that nobody can see yet.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    // The file is synced as a whole before it gets its name.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.execute_batch(&format!("BEGIN; {TABLES} COMMIT;"))?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Checks, without a change to the file, that it is ours, of this version, and whole.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), EngineError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if number("application_id").map_err(failed("reading", path))? != APPLICATION {
        return Err(EngineError::Foreign {
            path: path.to_owned(),
        });
    }
    let found = number("user_version").map_err(failed("reading", path))?;
    if found != VERSION {
        return Err(EngineError::Version {
            path: path.to_owned(),
            found,
            supported: VERSION,
        });
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(failed("reading", path))?;
    if verdict != "ok" {
        return Err(EngineError::Damaged {
            path: path.to_owned(),
            detail: verdict,
        });
    }
    for columns in [
        "SELECT sequence, id, body FROM records",
        "SELECT job, epoch, checksum, state FROM checkpoints",
    ] {
        if let Err(error) = connection.prepare(columns) {
            return Err(EngineError::Damaged {
                path: path.to_owned(),
                detail: error.to_string(),
            });
        }
    }
    Ok(())
}

/// What SQLite does not keep in the file, and the journal, which it does.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)
}
