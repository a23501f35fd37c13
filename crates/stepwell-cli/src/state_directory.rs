//! Where the embedded engine keeps its state.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use snafu::ResultExt;

use crate::failure::{Failure, StateDirectorySnafu};

/// A new directory for one run that was not told where to keep its state. As with `arroyo run` it is among the temporary files, and
/// a run without `--state-dir` always starts from the beginning.
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

/// Where temporary files go. A variable that is empty is as one that is not set.
fn temporary() -> PathBuf {
    let named = std::env::temp_dir();
    if named.as_os_str().is_empty() {
        "/tmp".into()
    } else {
        named
    }
}
