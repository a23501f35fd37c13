//! Reading the query and the files that go with it.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::{Path, PathBuf},
};

use snafu::{ResultExt, ensure};
use stepwell::arroyo::Udf;

use crate::{
    diagnostic::NamedQuery,
    failure::{
        Failure, NotTextSnafu, ReadQuerySnafu, ReadUdfSnafu, TooLongSnafu, UdfLanguageSnafu,
    },
    output::Output,
};

/// A server accepts bodies of up to 2 MB. No more than that is read.
const LONGEST: u64 = 2 * 1024 * 1024;

/// Reads the query from a file, or from standard input.
pub(crate) fn read(path: &Path, output: &Output) -> Result<NamedQuery, Failure> {
    let is_stdin = path == Path::new("-");
    if is_stdin && io::stdin().is_terminal() {
        output.note("reading the query from standard input; Ctrl-D ends it");
    }
    let name = if is_stdin {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let bytes = if is_stdin {
        read_limited(io::stdin().lock())
    } else {
        File::open(path).and_then(read_limited)
    };
    let bytes = bytes.context(ReadQuerySnafu { path })?;
    let length = bytes.len() as u64;
    ensure!(
        length <= LONGEST,
        TooLongSnafu {
            query: &name,
            bytes: if is_stdin {
                length
            } else {
                file_length(path, length)
            }
        }
    );
    match String::from_utf8(bytes) {
        Ok(text) => {
            // A byte order mark is not part of the query.
            let text = match text.strip_prefix('\u{feff}') {
                Some(rest) => rest.to_owned(),
                None => text,
            };
            Ok(NamedQuery { name, text })
        }
        Err(_) => NotTextSnafu { query: name }.fail(),
    }
}

fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn file_length(path: &Path, otherwise: u64) -> u64 {
    std::fs::metadata(path).map_or(otherwise, |metadata| metadata.len())
}

/// Reads user-defined functions from files.
pub(crate) fn read_udfs(paths: &[PathBuf]) -> Result<Vec<Udf>, Failure> {
    paths.iter().map(|path| read_udf(path)).collect()
}

fn read_udf(path: &Path) -> Result<Udf, Failure> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let make: fn(String) -> Udf = match extension {
        Some("rs") => |definition| Udf::rust(definition),
        Some("py") => |definition| Udf::python(definition),
        _ => return UdfLanguageSnafu { path }.fail(),
    };
    Ok(make(
        std::fs::read_to_string(path).context(ReadUdfSnafu { path })?,
    ))
}
