//! The queries, and their expected results.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use serde_json::Value;
use stepwell_control_plane::testing::Chance;

use crate::input::{Input, LATENESS};

/// A finite query. It writes rows to `kept.json` and windows to `closed.json`.
#[derive(Debug)]
pub(crate) struct Program {
    kind: Kind,
    pub(crate) parallelism: u64,
    /// Rows whose number is divisible by this are printed.
    printed: Option<u64>,
    /// Whether the reader of the output is slow.
    pub(crate) slow_reader: bool,
}

#[derive(Debug)]
enum Kind {
    /// Over the input file, with windows of this many seconds.
    File {
        /// Whether a second `INSERT` writes to `kept.json`.
        second_insert: bool,
        window: u64,
    },
    /// This many rows of each subtask, at this rate per second, with a hundred rows per window.
    Impulse { rows: u64, rate: u64 },
}

impl Program {
    pub(crate) fn choose(chance: &mut Chance) -> Self {
        let parallelism = 1 + chance.below(2);
        let kind = if chance.percent(50) {
            Kind::File {
                second_insert: chance.percent(50),
                window: [1, 2, 5][usize::try_from(chance.below(3)).unwrap()],
            }
        } else {
            let rows = 500 + chance.below(1500);
            let rate = rows * parallelism * 1000 / (1200 + chance.below(1000));
            Kind::Impulse { rows, rate }
        };
        let printed = chance
            .percent(60)
            .then(|| [1, 3, 10][usize::try_from(chance.below(3)).unwrap()]);
        // The output of an impulse source fits into the pipe.
        let slow_reader =
            printed.is_some() && matches!(kind, Kind::File { .. }) && chance.percent(30);
        Self {
            kind,
            parallelism,
            printed: if slow_reader { Some(1) } else { printed },
            slow_reader,
        }
    }

    pub(crate) fn query(&self, input: &Input, directory: &Path) -> String {
        let sink = |name: &str, columns: &str| {
            format!(
                "CREATE TABLE {name} ({columns}) WITH (connector = 'single_file', path = '{}', format = 'json', type = 'sink');\n",
                directory.join(format!("{name}.json")).display()
            )
        };
        let mut query = match self.kind {
            Kind::File {
                second_insert,
                window,
            } => {
                let second = if second_insert {
                    "INSERT INTO kept SELECT n, k, value * 3 FROM events WHERE n % 3 = 0;\n"
                } else {
                    ""
                };
                format!(
                    "CREATE TABLE events (n BIGINT, k TEXT, value BIGINT, at BIGINT, \
                     time TIMESTAMP GENERATED ALWAYS AS (CAST(to_timestamp_millis(at) AS TIMESTAMP)) STORED, \
                     WATERMARK FOR time AS time - INTERVAL '{} seconds') \
                     WITH (connector = 'single_file', path = '{}', type = 'source', wait_for_control = 'false');\n\
                     {}{}\
                     INSERT INTO kept SELECT n, k, value * 2 FROM events WHERE n % 2 = 0;\n{second}\
                     INSERT INTO closed SELECT w.start, k, a, b, c, d, e FROM (SELECT tumble(interval '{window} seconds') AS w, k, \
                     count(*) AS a, sum(value) AS b, min(n) AS c, max(n) AS d, count(DISTINCT value % 10) AS e FROM events GROUP BY w, k);\n",
                    LATENESS / 1000,
                    input.path.display(),
                    sink("kept", "n BIGINT, k TEXT, much BIGINT"),
                    sink(
                        "closed",
                        "start TIMESTAMP, k TEXT, rows BIGINT, sum BIGINT, least BIGINT, greatest BIGINT, \"values\" BIGINT"
                    ),
                )
            }
            Kind::Impulse { rows, rate } => format!(
                "CREATE TABLE events WITH (connector = 'impulse', event_rate = '{rate}', message_count = '{rows}', \
                 event_time_interval = '10000000');\n{}{}\
                 INSERT INTO kept SELECT CAST(counter AS BIGINT), CAST(subtask_index AS BIGINT) FROM events WHERE counter % 2 = 0;\n\
                 INSERT INTO closed SELECT w.start, CAST(s AS BIGINT), a, CAST(b AS BIGINT), CAST(c AS BIGINT), CAST(d AS BIGINT) FROM \
                 (SELECT tumble(interval '1 second') AS w, subtask_index AS s, count(*) AS a, sum(counter) AS b, min(counter) AS c, \
                 max(counter) AS d FROM events GROUP BY w, subtask_index);\n",
                sink("kept", "n BIGINT, subtask BIGINT"),
                sink(
                    "closed",
                    "start TIMESTAMP, subtask BIGINT, rows BIGINT, sum BIGINT, least BIGINT, greatest BIGINT"
                ),
            ),
        };
        if let Some(every) = self.printed {
            let select = match self.kind {
                Kind::File { .. } => "SELECT n, value FROM events WHERE n",
                Kind::Impulse { .. } => {
                    "SELECT subtask_index AS subtask, counter AS n FROM events WHERE counter"
                }
            };
            writeln!(query, "{select} % {every} = 0;").unwrap();
        }
        query
    }

    pub(crate) fn prints(&self) -> bool {
        self.printed.is_some()
    }

    /// The number of subtasks that print.
    fn printers(&self) -> u64 {
        match self.kind {
            // A single subtask reads the file.
            Kind::File { .. } => 1,
            Kind::Impulse { .. } => self.parallelism,
        }
    }

    /// The expected output of each subtask, in order.
    pub(crate) fn printed(&self, input: &Input) -> Vec<Vec<String>> {
        let of = |subtask| match (self.printed, &self.kind) {
            (None, _) => Vec::new(),
            (Some(every), Kind::File { .. }) => (0..)
                .zip(&input.rows)
                .filter(|(number, _)| number % every == 0)
                .map(|(number, row)| format!(r#"{{"n":{number},"value":{}}}"#, row.value))
                .collect(),
            (Some(every), Kind::Impulse { rows, .. }) => (0..*rows)
                .filter(|number| number % every == 0)
                .map(|number| format!(r#"{{"subtask":{subtask},"n":{number}}}"#))
                .collect(),
        };
        (0..self.printers()).map(of).collect()
    }

    /// The number of lines that each subtask had printed at a checkpoint.
    pub(crate) fn printed_at(&self, input: &Input, header: &Value) -> Vec<usize> {
        let of = |subtask| {
            let source =
                &header["sources"][0][usize::try_from(subtask).unwrap_or_default()]["source"];
            let rows = match self.kind {
                Kind::File { .. } => {
                    input.rows_in(source["single_file"].as_u64().unwrap_or_default())
                }
                Kind::Impulse { .. } => {
                    usize::try_from(source["impulse"]["counter"].as_u64().unwrap_or_default())
                        .unwrap()
                }
            };
            let given = self
                .printed
                .map_or(0, |every| rows.div_ceil(usize::try_from(every).unwrap()));
            // Rows that could not be written are kept for the next run.
            let kept = header["unwritten"].as_array().into_iter().flatten();
            let kept = kept.flat_map(|kept| kept["rows"].as_str().unwrap().lines());
            let subtask = usize::try_from(subtask).unwrap();
            given - kept.filter(|line| printer(line) == subtask).count()
        };
        (0..self.printers()).map(of).collect()
    }

    /// The expected lines of `kept.json`, and whether their order matters.
    pub(crate) fn kept(&self, input: &Input) -> (Vec<String>, bool) {
        match self.kind {
            Kind::File { second_insert, .. } => {
                let mut lines = Vec::new();
                for (number, row) in (0..).zip(&input.rows) {
                    let mut line = |value| {
                        lines.push(format!(
                            r#"{{"n":{number},"k":"k{}","much":{value}}}"#,
                            row.key
                        ));
                    };
                    if number % 2 == 0 {
                        line(row.value * 2);
                    }
                    if number % 3 == 0 && second_insert {
                        line(row.value * 3);
                    }
                }
                (lines, !second_insert)
            }
            Kind::Impulse { rows, .. } => {
                let line =
                    |subtask| move |number| format!(r#"{{"n":{number},"subtask":{subtask}}}"#);
                let of = |subtask| (0..rows).step_by(2).map(line(subtask));
                (
                    (0..self.parallelism).flat_map(of).collect(),
                    self.parallelism == 1,
                )
            }
        }
    }

    /// Checks the sorted lines of `closed.json`.
    pub(crate) fn check_windows(&self, input: &Input, lines: &[&str]) -> Result<(), String> {
        match self.kind {
            Kind::File { window, .. } => crate::check::same(&input.windows(window), lines),
            Kind::Impulse { rows, .. } => {
                let mut of_subtasks = BTreeMap::<u64, Vec<[u64; 4]>>::new();
                let mut seen = std::collections::BTreeSet::new();
                for line in lines {
                    let window: Value =
                        serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
                    let number = |name: &str| window[name].as_u64().unwrap();
                    if !seen.insert((window["start"].to_string(), number("subtask"))) {
                        return Err(format!("a window came twice: {line}"));
                    }
                    of_subtasks.entry(number("subtask")).or_default().push([
                        number("least"),
                        number("greatest"),
                        number("rows"),
                        number("sum"),
                    ]);
                }
                for subtask in 0..self.parallelism {
                    let windows = of_subtasks.entry(subtask).or_default();
                    windows.sort_unstable();
                    tile(windows, rows).map_err(|error| format!("subtask {subtask}: {error}"))?;
                }
                Ok(())
            }
        }
    }
}

/// The subtask that printed a line.
pub(crate) fn printer(line: &str) -> usize {
    usize::from(line.starts_with(r#"{"subtask":1,"#))
}

/// Checks that windows of a hundred rows contain each row exactly once.
fn tile(windows: &[[u64; 4]], rows: u64) -> Result<(), String> {
    let mut next = 0;
    for (place, [least, greatest, count, sum]) in windows.iter().enumerate() {
        let is_inner = place > 0 && *greatest + 1 < rows;
        let right = *least == next
            && greatest + 1 - least == *count
            && (*least..=*greatest).sum::<u64>() == *sum
            && (!is_inner || *count == 100);
        if !right {
            return Err(format!(
                "row {next} should begin a window; it has {least} to {greatest}, {count} rows, sum {sum}"
            ));
        }
        next = greatest + 1;
    }
    if next == rows {
        Ok(())
    } else {
        Err(format!("the windows end with row {next} of {rows}"))
    }
}
