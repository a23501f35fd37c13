//! Every query that is refused, as `stepwell validate` shows it: the message, the place with carets, and the same as JSON.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../../../tests/corpus/src/refused/mod.rs"]
#[allow(unreachable_pub, reason = "it is a module of a library")]
mod refused;
mod support;

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use refused::{FORBIDDEN, LONGEST, Refused, refused_queries};
use serde_json::Value;
use support::{TestDirectory, run};

/// A query in a file, and the expected place of its diagnostic.
struct Case {
    name: String,
    sql: String,
    says: Vec<String>,
    line: u64,
    /// `None` allows any column.
    column: Option<u64>,
}

#[test]
fn every_refusal_is_shown_with_its_place() {
    let mut cases: Vec<_> = refused_queries().map(Case::short).collect();
    let in_folders = in_folders();
    assert_eq!(in_folders.len(), 10);
    cases.extend(in_folders);
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    // One process for each case and format.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = case.check();
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{} refused queries shown", cases.len());
    assert!(cases.len() > 150, "{}", cases.len());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The cases of the corpus that have their own folder.
fn in_folders() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/queries");
    let folders = std::fs::read_dir(folder).unwrap();
    let cases = folders.filter_map(|folder| {
        let folder = folder.unwrap().path();
        let refusal = std::fs::read_to_string(folder.join("refused.json")).ok()?;
        let refusal: Value = serde_json::from_str(&refusal).unwrap();
        let says = refusal["says"].as_array().unwrap().iter();
        Some(Case {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            sql: std::fs::read_to_string(folder.join("query.sql")).unwrap(),
            says: says.map(|text| text.as_str().unwrap().to_owned()).collect(),
            line: refusal["line"].as_u64()?,
            column: refusal["column"].as_u64(),
        })
    });
    cases.collect()
}

impl Case {
    fn short(refused: Refused) -> Self {
        Self {
            name: format!("{:?}", refused.sql()),
            sql: refused.sql(),
            says: refused.says.iter().map(|text| (*text).to_owned()).collect(),
            line: refused.line,
            column: Some(refused.column),
        }
    }

    /// The errors in the output.
    fn check(&self) -> Vec<String> {
        let directory = TestDirectory::new();
        let file = directory.write("query.sql", &self.sql);
        let text = run(&["validate", &file]);
        let json = run(&["validate", "--output", "json", &file]);
        let mut wrong = Vec::new();
        let mut fail =
            |what: &str, shown: &str| wrong.push(format!("{}: {what} in\n{shown}", self.name));
        for (left, output) in [(&text, "text"), (&json, "JSON")] {
            if left.code != Some(3) {
                fail(
                    &format!("the exit code of {output} is {:?}", left.code),
                    &left.stderr,
                );
            }
            let query = self.sql.lines().collect::<Vec<_>>();
            // Its own lines are shown as they are.
            let mut words = left.stderr.lines().filter(|line| {
                !query
                    .iter()
                    .any(|of_query| !of_query.is_empty() && line.contains(of_query))
            });
            if words.any(|line| {
                FORBIDDEN
                    .iter()
                    .any(|text| line.contains(text) && *text != " { ")
            }) {
                fail(&format!("words of a library as {output}"), &left.stderr);
            }
        }
        for text_of_it in &self.says {
            if !text
                .stderr
                .to_lowercase()
                .contains(&text_of_it.to_lowercase())
            {
                fail(&format!("no {text_of_it:?}"), &text.stderr);
            }
        }
        if let Err(what) = self.caret(&file, &text.stderr) {
            fail(what, &text.stderr);
        }
        if !json.stderr.lines().any(|line| self.is_in(line)) {
            fail("it is nowhere as JSON", &json.stderr);
        }
        wrong
    }

    /// Whether the line and column are named, and a caret is under the place.
    fn caret(&self, file: &str, shown: &str) -> Result<(), &'static str> {
        if self.line == 0 {
            return if shown.contains('^') {
                Err("a caret")
            } else {
                Ok(())
            };
        }
        let start = match self.column {
            Some(column) => format!("{file}:{}:{column}", self.line),
            None => format!("{file}:{}:", self.line),
        };
        let mut lines = shown.lines().skip_while(|line| {
            let named = line.trim_end().rsplit_once("--> ").map(|(_, place)| place);
            named.is_none_or(|place| {
                place != start && !(self.column.is_none() && place.starts_with(&start))
            })
        });
        lines.next().ok_or("the place is not named")?;
        let begins = format!("{} |", self.line);
        let source = lines
            .find(|line| line.trim_start().starts_with(&begins))
            .ok_or("the line is not shown")?;
        let caret = lines
            .next()
            .and_then(|line| line.find('^'))
            .ok_or("no caret")?;
        let (margin, text) = source.split_once(" | ").unwrap_or((source, ""));
        // What is wide, or a tab, takes more than one column on a terminal; a long line is cut.
        let is_plain = text.is_ascii() && !self.sql.contains('\t') && !text.contains("...");
        match self.column {
            Some(column) if is_plain => {
                let expected = margin.len() + " | ".len() + usize::try_from(column).unwrap() - 1;
                if caret == expected {
                    Ok(())
                } else {
                    Err("the caret is elsewhere")
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether this line of JSON is the diagnostic.
    fn is_in(&self, line: &str) -> bool {
        let value: Value = serde_json::from_str(line).unwrap();
        let message = value["message"].as_str().unwrap_or_default().to_lowercase();
        if message.chars().count() > LONGEST {
            return false;
        }
        let start = &value["span"]["start"];
        let is_at = if self.line == 0 {
            value["span"].is_null()
        } else {
            start["line"] == self.line && self.column.is_none_or(|column| start["column"] == column)
        };
        let mut says = self.says.iter();
        is_at
            && value["event"] == "diagnostic"
            && says.all(|text| message.contains(&text.to_lowercase()))
    }
}
