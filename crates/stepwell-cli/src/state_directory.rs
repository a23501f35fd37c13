//! Where the embedded engine keeps its state.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
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

/// The command that goes on from a directory.
pub(crate) fn command_to_go_on(directory: &Path, file: &Path) -> String {
    format!(
        "stepwell run --state-dir {} {}",
        quoted(directory),
        quoted(file)
    )
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
