//! Names in the recording, and the names of the same things in the engine that it is replayed against.

use std::collections::BTreeMap;
use std::path::Path;

/// The prefixes of recorded ids.
const ID_PREFIXES: [&str; 4] = ["pl_", "job_", "jlm_", "ct_"];
/// The directory of files in the recorded queries.
const RECORDED_FILES: &str = "/srv/";

#[derive(Clone, Debug)]
pub struct Names {
    ours: BTreeMap<String, String>,
    files: String,
}

impl Names {
    /// `files` is the directory of the queries' files here.
    pub fn new(files: &Path) -> Self {
        Self {
            ours: BTreeMap::new(),
            files: format!("{}/", files.display()),
        }
    }

    pub fn is_id(text: &str) -> bool {
        ID_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
    }

    /// A recorded text with the engine's names.
    pub fn ours(&self, recorded: &str) -> String {
        let mut text = recorded.replace(RECORDED_FILES, &self.files);
        for (recorded, ours) in &self.ours {
            text = text.replace(recorded, ours);
        }
        text
    }

    pub fn knows(&self, recorded: &str) -> bool {
        self.ours.contains_key(recorded)
    }

    /// Whether the engine's `ours` can correspond to `recorded`: it does already, or both are new.
    pub fn may_pair(&self, recorded: &str, ours: &str) -> bool {
        match self.ours.get(recorded) {
            Some(known) => known == ours,
            None => !self.ours.values().any(|known| known == ours),
        }
    }

    pub fn pair(&mut self, recorded: &str, ours: &str) {
        self.ours.insert(recorded.to_owned(), ours.to_owned());
    }
}
