//! The temporary state directory of the embedded engine.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use snafu::ResultExt;

use crate::failure::{Failure, StateDirectorySnafu};

/// Creates a directory for a run without `--state-dir`, which always starts from the beginning. As with `arroyo run`, it is a temporary
/// directory.
pub(crate) fn fresh(name: &str) -> Result<PathBuf, Failure> {
    let parent = temporary();
    let name: String = name
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .take(32)
        .collect();
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let process = std::process::id();
    let mut attempt = 0;
    loop {
        let directory = parent.join(format!("stepwell-{name}-{seconds}-{process}-{attempt}"));
        match DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1;
            }
            created => {
                created.context(StateDirectorySnafu { path: &directory })?;
                return Ok(directory);
            }
        }
    }
}

/// The directory for temporary files. An empty environment variable counts as unset.
fn temporary() -> PathBuf {
    let named = std::env::temp_dir();
    if named.as_os_str().is_empty() {
        "/tmp".into()
    } else {
        named
    }
}
