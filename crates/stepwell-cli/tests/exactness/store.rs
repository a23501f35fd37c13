//! The engine's database between two runs, while no process uses it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};
use serde_json::Value;

/// A checkpoint.
pub(crate) struct Checkpoint {
    pub(crate) epoch: i64,
    /// Its header; `None` if it cannot be read.
    pub(crate) header: Option<Value>,
}

impl Checkpoint {
    /// Whether it contains rows that were not written.
    pub(crate) fn has_unwritten(&self) -> bool {
        let header = self.header.as_ref();
        header
            .and_then(|header| header["unwritten"].as_array())
            .is_some_and(|kept| !kept.is_empty())
    }
}

/// How a checkpoint is damaged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    /// Flips a bit of the byte at this index, modulo the length.
    Flip(u64),
    Cut,
    Zeros,
}

/// The checkpoints, newest first; none if there is no database yet.
pub(crate) fn checkpoints(state: &Path) -> Vec<Checkpoint> {
    let Some(database) = open(state) else {
        return Vec::new();
    };
    let mut statement = database
        .prepare("SELECT epoch, state FROM checkpoints ORDER BY epoch DESC")
        .unwrap();
    let rows = statement.query_map([], |row| {
        let state: Vec<u8> = row.get(1)?;
        Ok(Checkpoint {
            epoch: row.get(0)?,
            header: header(&state),
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

pub(crate) fn damage(state: &Path, epoch: i64, damage: Damage) {
    let database = open(state).unwrap();
    let mut bytes: Vec<u8> = database
        .query_row(
            "SELECT state FROM checkpoints WHERE epoch = ?1",
            [epoch],
            |row| row.get(0),
        )
        .unwrap();
    match damage {
        Damage::Flip(place) => {
            let place = usize::try_from(place).unwrap() % bytes.len();
            bytes[place] ^= 1;
        }
        Damage::Cut => bytes.truncate(bytes.len() / 2),
        Damage::Zeros => bytes.fill(0),
    }
    database
        .execute(
            "UPDATE checkpoints SET state = ?1 WHERE epoch = ?2",
            params![bytes, epoch],
        )
        .unwrap();
}

/// All pipelines and jobs.
pub(crate) fn records(state: &Path) -> Vec<String> {
    let database = open(state).unwrap();
    let mut statement = database
        .prepare("SELECT CAST(body AS TEXT) FROM records ORDER BY id")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0));
    rows.unwrap().map(Result::unwrap).collect()
}

/// Reverts the stored end, as if the process had been killed before it was stored.
pub(crate) fn forget_the_end(state: &Path) {
    let changed = open(state)
        .unwrap()
        .execute(
            r#"UPDATE records SET body = CAST(replace(CAST(body AS TEXT), '"state":"Finished"', '"state":"Running"') AS BLOB)"#,
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
}

fn open(state: &Path) -> Option<Connection> {
    let path = state.join("stepwell.sqlite");
    path.exists()
        .then(|| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap())
}

/// The first part, which follows its length.
fn header(state: &[u8]) -> Option<Value> {
    let (length, rest) = state.split_first_chunk::<8>()?;
    let header = rest.get(..usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    serde_json::from_slice(header).ok()
}
