//! A folder of the corpus.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{Order, Refusal, parse};

/// What `expected.json` says of the rows that are printed, and `expected-NAME.json` of those in a file.
const EXPECTED: &str = "expected";

#[derive(Clone, Debug)]
pub struct Query {
    pub name: String,
    folder: PathBuf,
    sql: String,
}

/// All of them, in the order of their numbers.
pub fn queries() -> Vec<Query> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let mut queries: Vec<_> = files(&folder).into_iter().map(Query::read).collect();
    queries.sort_by(|left, right| left.name.cmp(&right.name));
    queries
}

impl Query {
    fn read(folder: PathBuf) -> Self {
        let name = file_name(&folder);
        let sql = read(&folder.join("query.sql"));
        Self { name, folder, sql }
    }

    /// The query, with the places of its input files and of those that it writes.
    pub fn sql(&self, out: &Path) -> String {
        let quoted = |path: &Path| path.to_string_lossy().replace('\'', "''");
        self.sql
            .replace("$DIR", &quoted(&self.folder))
            .replace("$OUT", &quoted(out))
    }

    /// What it is about, and how its expectation was worked out.
    pub fn about(&self) -> String {
        read(&self.folder.join("about.md"))
    }

    /// Why it must be refused, if it must be.
    pub fn refusal(&self) -> Option<Refusal> {
        let path = self.folder.join("refused.json");
        path.exists().then(|| Refusal::parse(&read(&path)))
    }

    /// The rows that it must give for so many subtasks: printed under the name `""`, and by the names of its files.
    pub fn expected(&self, parallelism: u32) -> BTreeMap<String, Vec<Value>> {
        let mut expected = BTreeMap::from([(String::new(), Vec::new())]);
        let names = files(&self.folder).into_iter().map(|path| file_name(&path));
        for name in names {
            let sink = name
                .strip_prefix(EXPECTED)
                .and_then(|rest| rest.strip_suffix(".json"))
                .filter(|rest| !rest.contains('.'));
            let Some(sink) = sink else { continue };
            let special = format!("{EXPECTED}{sink}.parallelism-{parallelism}.json");
            let special = self.folder.join(special);
            let path = if special.exists() {
                special
            } else {
                self.folder.join(&name)
            };
            let sink = sink.trim_start_matches('-').to_owned();
            expected.insert(sink, parse(&read(&path)));
        }
        expected
    }

    /// One subtask of a plain selection gives its rows in the order of the input. Windows and unions leave it open, as do subtasks.
    pub fn order(&self, parallelism: u32) -> Order {
        let sql = self.sql.to_ascii_lowercase();
        if parallelism == 1 && !sql.contains("tumble(") && !sql.contains("union all") {
            Order::Kept
        } else {
            Order::Open
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
