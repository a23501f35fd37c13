//! Checkpoints: one row per epoch, with a checksum, because SQLite does not notice when bytes of a value change.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::{KEPT_CHECKPOINTS, NewCheckpoint};

/// What the store has of a job's state.
#[derive(Debug)]
pub(crate) struct Restored {
    /// The newest intact checkpoint.
    pub(crate) checkpoint: Option<NewCheckpoint>,
    /// Newer epochs, which are damaged.
    pub(crate) damaged: Vec<u64>,
}

/// Writes a checkpoint, and deletes those that are no longer kept.
pub(super) fn write(connection: &Connection, new: &NewCheckpoint) -> rusqlite::Result<()> {
    let state = encode(&new.state);
    connection
        .prepare("INSERT OR REPLACE INTO checkpoints (job, epoch, checksum, state) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![new.job, signed(new.epoch), checksum(&new.job, new.epoch, &state), state])?;
    connection
        .prepare("DELETE FROM checkpoints WHERE job = ?1 AND epoch <= ?2")?
        .execute(params![
            new.job,
            signed(new.epoch.saturating_sub(KEPT_CHECKPOINTS))
        ])?;
    Ok(())
}

/// Deletes all checkpoints of a job.
pub(super) fn forget(connection: &Connection, job: &str) -> rusqlite::Result<()> {
    connection
        .prepare("DELETE FROM checkpoints WHERE job = ?1")?
        .execute(params![job])?;
    Ok(())
}

pub(super) fn newest_sound(
    connection: &Connection,
    job: &str,
    epoch: u64,
) -> rusqlite::Result<Restored> {
    let mut statement = connection.prepare(
        "SELECT epoch, checksum, state FROM checkpoints WHERE job = ?1 AND epoch <= ?2 ORDER BY epoch DESC",
    )?;
    let mut rows = statement.query(params![job, signed(epoch)])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        let epoch = row.get::<_, i64>(0)?.unsigned_abs();
        let (expected, state): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
        let sound = expected == checksum(job, epoch, &state);
        match decode(&state).filter(|_| sound) {
            Some(state) => {
                let checkpoint = NewCheckpoint {
                    job: job.to_owned(),
                    epoch,
                    state,
                };
                return Ok(Restored {
                    checkpoint: Some(checkpoint),
                    damaged,
                });
            }
            None => damaged.push(epoch),
        }
    }
    Ok(Restored {
        checkpoint: None,
        damaged,
    })
}

/// The sizes in bytes, by epoch.
pub(super) fn sizes(connection: &Connection, job: &str) -> rusqlite::Result<BTreeMap<u64, u64>> {
    connection
        .prepare("SELECT epoch, length(state) FROM checkpoints WHERE job = ?1")?
        .query_map(params![job], |row| {
            let (epoch, length): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok((epoch.unsigned_abs(), length.unsigned_abs()))
        })?
        .collect()
}

fn checksum(job: &str, epoch: u64, state: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(length(job.as_bytes()));
    hash.update(job);
    hash.update(epoch.to_be_bytes());
    hash.update(state);
    hash.finalize().to_vec()
}

/// The parts of a state in sequence, each preceded by its length.
fn encode(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend(length(part));
        bytes.extend(part);
    }
    bytes
}

fn decode(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let (part, rest) =
            rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
        parts.push(part.to_vec());
        bytes = rest;
    }
    Some(parts)
}

fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_be_bytes()
}

/// SQLite's integers are signed. Epochs count up from 1, so nothing is lost.
fn signed(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}
