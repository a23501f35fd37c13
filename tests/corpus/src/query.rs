//! A query of the corpus, read from its folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{Order, Refusal, parse};

/// `expected.json` contains the rows that are printed, and `expected-NAME.json` those in a file.
const EXPECTED: &str = "expected";

#[derive(Clone, Debug)]
pub struct Query {
    pub name: String,
    folder: PathBuf,
    sql: String,
}

/// All queries, in the order of their numbers.
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

    /// The query, with the paths of its input and output files filled in.
    pub fn sql(&self, out: &Path) -> String {
        let quoted = |path: &Path| path.to_string_lossy().replace('\'', "''");
        self.sql
            .replace("$DIR", &quoted(&self.folder))
            .replace("$OUT", &quoted(out))
    }

    /// A description of the query and of how its expected result was worked out.
    pub fn about(&self) -> String {
        read(&self.folder.join("about.md"))
    }

    /// The expected refusal, if it must be refused.
    pub fn refusal(&self) -> Option<Refusal> {
        let path = self.folder.join("refused.json");
        path.exists().then(|| Refusal::parse(&read(&path)))
    }

    /// The expected rows with this parallelism: the printed ones under the name `""`, the others under the names of their files.
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

    /// A plain selection with one subtask keeps the order of the input. Windows, unions and several subtasks do not guarantee it.
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
