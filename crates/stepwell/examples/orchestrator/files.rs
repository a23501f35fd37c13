//! The files of a directory.
//!
//! Beside `orders.sql`, `orders.pipeline` has the id of its pipeline, because that of an edited file does not follow from the new text.
//! During a replacement it has two, the old one first. Ids are written before the step that needs them. (A server up to 0.15 chooses the
//! ids: there, do not edit a file between a kill in the middle of its create and the next start.)

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use stepwell::PipelineId;
use tokio::time::sleep;

/// How often files are read.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// What a file has; `None` if there is no file.
pub(crate) type Text = Result<Option<String>, io::ErrorKind>;

/// The names of all files, with those that are gone and whose pipelines may not be.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let file = entry?.file_name();
        if let Some((name, "sql" | "pipeline")) = file.to_str().and_then(|it| it.rsplit_once('.')) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

pub(crate) struct File {
    pub(crate) name: String,
    sql: PathBuf,
    ids: PathBuf,
}

impl File {
    pub(crate) fn new(directory: &Path, name: String) -> Self {
        let sql = directory.join(format!("{name}.sql"));
        let ids = directory.join(format!("{name}.pipeline"));
        Self { name, sql, ids }
    }

    /// The ids that were written last.
    pub(crate) fn ids(&self) -> Result<Vec<PipelineId>, Box<dyn Error + Send + Sync>> {
        let ids = read(&self.ids)?.unwrap_or_default();
        ids.lines().map(|id| Ok(id.parse()?)).collect()
    }

    /// Writes the ids, all or none of them.
    pub(crate) fn note(&self, ids: &[&PipelineId]) -> io::Result<()> {
        if ids.is_empty() {
            return match fs::remove_file(&self.ids) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            };
        }
        let ids = ids.iter().map(|id| id.as_str()).collect::<Vec<_>>();
        let new = self.ids.with_extension("pipeline-new");
        fs::write(&new, ids.join("\n"))?;
        fs::rename(&new, &self.ids)
    }

    /// Waits until the file has another text, and two looks agree: an editor may write it in parts, or delete it first.
    pub(crate) async fn text_unlike(&self, old: Option<&Text>) -> Text {
        let look = || read(&self.sql).map_err(|error| error.kind());
        loop {
            let text = look();
            sleep(LOOK).await;
            if Some(&text) != old && look() == text {
                return text;
            }
        }
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}
