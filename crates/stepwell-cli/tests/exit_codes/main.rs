//! Every row of the table in `docs/exit-codes.md`, played.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../support/mod.rs"]
mod support;

mod changing;
mod looking;
mod run;
mod servers;

use support::Left;

/// A row of the table, with its exit code.
struct Row {
    command: String,
    what: String,
    code: i32,
}

/// The rows with a command.
fn rows() -> Vec<Row> {
    let text = include_str!("../../../../docs/exit-codes.md");
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(cells);
    rows.map(|cells| Row {
        command: cells[0].trim_matches('`').to_owned(),
        what: cells[1].clone(),
        code: cells[2].parse().unwrap(),
    })
    .collect()
}

fn play(command: &str, what: &str) -> Option<Left> {
    match command {
        "run" | "run --dry-run" => run::embedded(what),
        "run --server" => servers::foreground(what),
        "run --server --detach" | "run --server --no-wait" => {
            servers::left_alone(command.rsplit(' ').next()?, what)
        }
        _ => changing::play(command, what).or_else(|| looking::play(command, what)),
    }
}

#[test]
fn every_row_of_the_table_is_so() {
    let rows = rows();
    assert!(rows.len() > 60, "the table is there");
    let mut wrong = Vec::new();
    // A few in parallel, because most of them wait.
    for rows in rows.chunks(4) {
        std::thread::scope(|scope| {
            let played: Vec<_> = rows
                .iter()
                .map(|row| (row, scope.spawn(|| play(&row.command, &row.what))))
                .collect();
            for (row, played) in played {
                let name = format!("{}: {}", row.command, row.what);
                match played.join() {
                    Ok(Some(left)) if left.code == Some(row.code) => {}
                    Ok(Some(left)) => wrong.push(format!(
                        "{name}: {:?}, not {}\n{}",
                        left.code, row.code, left.stderr
                    )),
                    Ok(None) => wrong.push(format!("{name}: nothing plays it")),
                    Err(_) => wrong.push(format!("{name}: it panicked")),
                }
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
