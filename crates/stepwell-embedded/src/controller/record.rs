//! The records of pipelines as the store keeps them.

use stepwell_control_plane::Record;

use crate::error::EngineError;
use crate::store::Store;

pub(super) fn encode(store: &Store, record: &Record) -> Result<Vec<u8>, EngineError> {
    serde_json::to_vec(record).map_err(|error| EngineError::Database {
        operation: "encoding a record for",
        path: store.path().to_owned(),
        source: Box::new(error),
    })
}

pub(super) fn decode(store: &Store, id: &str, body: &[u8]) -> Result<Record, EngineError> {
    serde_json::from_slice(body).map_err(|error| {
        // The error's own text is left out: it quotes what it found, which may be part of a query.
        store.damaged(format!(
            "the record of pipeline {id:?} cannot be read at its byte {}",
            error.column()
        ))
    })
}
