//! The list as a table that fits the width of the terminal.

use std::{collections::HashSet, io::IsTerminal as _};

use stepwell::arroyo::JobState;

use crate::{
    color,
    listing::ListedPipeline,
    moment, printable,
    table::{self, Cell, Column, Side},
};

const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";
const DIM: &str = "\u{1b}[2m";

/// The minimum width of a shortened id.
const SHORT_ID: usize = 12;

/// The minimum width of a shortened name, as long as there are columns to leave out.
const SHORT_NAME: usize = 16;

/// The table of `listed`, which are some of `all`. Its width is only limited on a terminal.
pub(super) fn lines(listed: &[&ListedPipeline], all: &[ListedPipeline]) -> String {
    let stdout = std::io::stdout();
    let width = if stdout.is_terminal() {
        terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0))
    } else {
        None
    };
    let is_colored = color::is_used_on(&stdout);
    table::lines(&fitting(listed, all, width, is_colored))
}

/// Shortens the ids first, as far as they stay distinct, then the names, and then leaves out columns.
fn fitting(
    listed: &[&ListedPipeline],
    all: &[ListedPipeline],
    width: Option<usize>,
    is_colored: bool,
) -> Vec<Column> {
    let state = |listed: &&ListedPipeline| state(listed, is_colored);
    let run = |listed: &&ListedPipeline| {
        let run = listed.job.as_ref().map(|job| job.run_id.to_string());
        Cell::new(run.as_deref().unwrap_or("-"))
    };
    let name = |listed: &&ListedPipeline| Cell::new(printable::line(&listed.name));
    let mut columns = vec![
        Column::new(
            Side::Left,
            "ID",
            listed
                .iter()
                .map(|listed| Cell::new(printable::line(listed.id.as_str()))),
        ),
        Column::new(Side::Left, "STATE", listed.iter().map(state)),
        Column::new(Side::Right, "RUN", listed.iter().map(run)),
        Column::new(
            Side::Right,
            "AGE",
            listed
                .iter()
                .map(|listed| Cell::new(moment::age(listed.created_at))),
        ),
        Column::new(Side::Left, "NAME", listed.iter().map(name)),
    ];
    let Some(width) = width.filter(|width| table::width(&columns) > *width) else {
        return columns;
    };
    columns[0].cut(distinct_length(all) + 1);
    while !cut_names(&mut columns, width, SHORT_NAME) && columns.len() > 3 {
        columns.remove(2);
    }
    cut_names(&mut columns, width, 1);
    columns
}

/// Shortens the last column to no less than `least`. Returns whether that was enough.
fn cut_names(columns: &mut [Column], width: usize, least: usize) -> bool {
    let excess = table::width(columns).saturating_sub(width);
    let Some(names) = columns.last_mut().filter(|_| excess > 0) else {
        return true;
    };
    let enough = names.width().saturating_sub(excess);
    if enough < least {
        return false;
    }
    names.cut(enough);
    true
}

/// The number of characters after which all ids are distinct.
fn distinct_length(all: &[ListedPipeline]) -> usize {
    let ids = all.iter().map(|listed| listed.id.as_str());
    let longest = ids.clone().map(|id| id.chars().count()).max();
    let longest = longest.unwrap_or_default();
    let is_distinct = |length: usize| {
        let beginnings = ids
            .clone()
            .map(|id| id.chars().take(length).collect::<String>());
        beginnings.collect::<HashSet<_>>().len() == all.len()
    };
    (SHORT_ID..longest)
        .find(|length| is_distinct(*length))
        .unwrap_or(longest)
}

fn state(listed: &ListedPipeline, is_colored: bool) -> Cell {
    let Some(job) = &listed.job else {
        return Cell::new("-");
    };
    let color = match &job.state {
        JobState::Running => GREEN,
        JobState::Failed | JobState::Failing => RED,
        JobState::Stopped | JobState::Finished => DIM,
        _ => YELLOW,
    };
    Cell {
        color: Some(color).filter(|_| is_colored),
        ..Cell::new(printable::line(job.state.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use stepwell::{
        PipelineId,
        arroyo::{Job, JobId},
    };

    use super::*;

    fn listed(id: &str, name: &str) -> ListedPipeline {
        let id = PipelineId::from_server(id);
        let mut job = Job::new(JobId::from_server("job"), id.clone(), 1);
        job.state = JobState::Running;
        ListedPipeline {
            id,
            name: name.to_owned(),
            created_at: u64::MAX,
            job: Some(job),
        }
    }

    fn shown(all: &[ListedPipeline], width: Option<usize>) -> Vec<String> {
        let columns = fitting(&all.iter().collect::<Vec<_>>(), all, width, false);
        table::lines(&columns).lines().map(str::to_owned).collect()
    }

    fn two() -> [ListedPipeline; 2] {
        [
            listed(
                "sw_12bb09c510db4dc32cc8d71ef264bfcec9344a9e",
                "orders by shop and minute",
            ),
            listed("sw_12bb09c510ff4dc32cc8d71ef264bfcec9344a9e", "b"),
        ]
    }

    #[test]
    fn where_there_is_no_width_nothing_is_cut() {
        let lines = shown(&two(), None);
        assert_eq!(
            lines[1],
            "sw_12bb09c510db4dc32cc8d71ef264bfcec9344a9e  Running    0  0 s  orders by shop and minute"
        );
        assert_eq!(shown(&two(), Some(200)), lines);
    }

    #[test]
    fn ids_are_shortened_first_then_names_then_columns_go() {
        for (width, line) in [
            (
                80,
                "sw_12bb09c510d…  Running    0  0 s  orders by shop and minute",
            ),
            (
                60,
                "sw_12bb09c510d…  Running    0  0 s  orders by shop and minu…",
            ),
            (50, "sw_12bb09c510d…  Running  0 s  orders by shop and…"),
            (43, "sw_12bb09c510d…  Running  orders by shop a…"),
            (30, "sw_12bb09c510d…  Running  ord…"),
        ] {
            let lines = shown(&two(), Some(width));
            assert_eq!(lines[1], line, "in {width}");
            assert!(
                lines.iter().all(|line| line.chars().count() <= width),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn shortened_ids_still_tell_pipelines_apart() {
        let lines = shown(&two(), Some(60));
        let id = |line: &str| line.split('…').next().unwrap_or_default().to_owned();
        assert_ne!(id(&lines[1]), id(&lines[2]));
    }

    #[test]
    fn what_others_have_written_is_escaped() {
        let lines = shown(&[listed("a\u{1b}[2J", "b\u{7}\u{202e}\nc")], None);
        assert_eq!(
            lines[1],
            "a\\u{1b}[2J  Running    0  0 s  b\\u{7}\\u{202e}\\nc"
        );
    }
}
