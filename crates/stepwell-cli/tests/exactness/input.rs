//! The input file, and the expected rows of its windows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use stepwell_control_plane::testing::Chance;

/// How many milliseconds a row may be older than the newest row before it. The query has the same value.
pub(crate) const LATENESS: u64 = 3000;
/// 2024-01-01, in milliseconds since 1970.
const DAY: u64 = 1_704_067_200_000;

pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) rows: Vec<Row>,
}

/// A row. Its number is its index.
pub(crate) struct Row {
    pub(crate) key: u64,
    pub(crate) value: i64,
    /// In milliseconds since 1970.
    at: u64,
    /// The end of its line, in bytes.
    end: u64,
}

#[derive(Default)]
struct Group {
    rows: u64,
    sum: i64,
    least: u64,
    greatest: u64,
    values: BTreeSet<i64>,
}

impl Input {
    /// Rows out of order, some of which are late.
    pub(crate) fn write(directory: &Path, count: u64) -> Self {
        let mut chance = Chance::new(count);
        let path = directory.join("in.json");
        let (mut text, mut rows, mut clock) = (String::new(), Vec::new(), DAY + 60_000);
        for number in 0..count {
            clock += chance.below(11);
            // Enough late rows that some are the first after a resume: only these reveal a lost watermark.
            let behind = match chance.below(5) {
                0..2 => chance.below(LATENESS * 5),
                _ => chance.below(LATENESS),
            };
            let (key, value, at) = (
                chance.below(7),
                i64::try_from(chance.below(2001)).unwrap() - 1000,
                clock - behind,
            );
            writeln!(
                text,
                r#"{{"n":{number},"k":"k{key}","value":{value},"at":{at}}}"#
            )
            .unwrap();
            rows.push(Row {
                key,
                value,
                at,
                end: text.len() as u64,
            });
        }
        fs::write(&path, text).unwrap();
        Self { path, rows }
    }

    /// The number of rows in this many bytes.
    pub(crate) fn rows_in(&self, bytes: u64) -> usize {
        self.rows.partition_point(|row| row.end <= bytes)
    }

    /// The rows of all windows of this many seconds, sorted.
    pub(crate) fn windows(&self, seconds: u64) -> Vec<String> {
        let width = seconds * 1000;
        let mut groups = BTreeMap::<(u64, u64), Group>::new();
        let mut watermark = 0;
        for (number, row) in (0..).zip(&self.rows) {
            let begin = row.at - row.at % width;
            if begin + width > watermark {
                groups.entry((begin, row.key)).or_default().add(number, row);
            }
            watermark = watermark.max(row.at - LATENESS);
        }
        let mut lines: Vec<_> = groups
            .iter()
            .map(|((begin, key), group)| group.line(*begin, *key))
            .collect();
        lines.sort_unstable();
        lines
    }
}

impl Group {
    fn add(&mut self, number: u64, row: &Row) {
        if self.rows == 0 {
            self.least = number;
        }
        self.greatest = number;
        self.rows += 1;
        self.sum += row.value;
        self.values.insert(row.value % 10);
    }

    fn line(&self, begin: u64, key: u64) -> String {
        let second = (begin - DAY) / 1000;
        let start = format!(
            "2024-01-01T{:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        );
        let Self {
            rows,
            sum,
            least,
            greatest,
            ..
        } = self;
        let values = self.values.len();
        format!(
            r#"{{"start":"{start}","k":"k{key}","rows":{rows},"sum":{sum},"least":{least},"greatest":{greatest},"values":{values}}}"#
        )
    }
}
