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
    // A variable that is set to nothing is as none; the standard library takes it for the current directory.
    let parent = match std::env::var_os("TMPDIR") {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory),
        _ => PathBuf::from("/tmp"),
    };
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
