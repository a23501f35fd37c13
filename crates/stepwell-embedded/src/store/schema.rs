//! The tables, and the check that a file is ours, intact and of this version.

use std::path::Path;

use rusqlite::Connection;

use super::failed;
use crate::error::EngineError;

/// The format of the tables and of their content: SQLite's `user_version`.
pub(super) const VERSION: i64 = 1;
/// "swel", which marks a database as ours: SQLite's `application_id`.
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

/// Creates the tables in an empty database that does not have its name yet.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    // The file is synced as a whole before it gets its name.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.execute_batch(&format!("BEGIN; {TABLES} COMMIT;"))?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Checks that the file is ours, of this version and intact, without changing it.
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

/// Sets the journal mode, which SQLite keeps in the file, and the settings that it does not keep.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)
}
