//! Full files, because the size of a process's files is limited.

use std::{
    fs::{self, File},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use stepwell_control_plane::testing::Chance;

use crate::{
    check::whole_lines,
    few_seeds, store,
    support::{PATIENCE, Running, TestDirectory, stepwell},
};

/// `stepwell run` with a limit on the blocks of each file.
fn limited(directory: &TestDirectory, query: &str, blocks: u64) -> Command {
    let run = run(directory, query);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\""])
        .arg(blocks.to_string())
        .arg(run.get_program())
        .args(run.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in run.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

fn run(directory: &TestDirectory, query: &str) -> Command {
    stepwell(&["run", "-s", &directory.text("state"), query])
}

/// A limit that is large enough for the state with the rows that it keeps.
fn blocks(chance: &mut Chance) -> u64 {
    4096 + chance.below(1024)
}

#[test]
fn rows_that_had_no_room_come_first_in_the_next_run() {
    for seed in few_seeds(2) {
        let mut chance = Chance::new(seed);
        let directory = TestDirectory::new();
        let rate = 100_000 + chance.below(50_000);
        let query = directory.query(
            &format!("event_rate = '{rate}'"),
            "SELECT counter FROM impulse",
        );
        let mut texts = Vec::new();
        for number in 0..=chance.below(2) {
            let path = directory.path(&format!("rows{number}"));
            let mut command = limited(&directory, &query, blocks(&mut chance));
            command.stdout(File::create(&path).unwrap());
            let left = Running::start(command).finish();
            assert_eq!(left.code, Some(1), "seed {seed}:\n{}", left.stderr);
            for words in ["is Stopped with a final checkpoint", "File too large"] {
                assert!(left.stderr.contains(words), "{words} in:\n{}", left.stderr);
            }
            texts.push(fs::read_to_string(path).unwrap());
        }
        let mut running = Running::start(run(&directory, &query));
        running.wait_for_message("is running");
        running.wait_for_row("counter");
        running.signal(Signal::INT);
        texts.push(running.finish().stdout);
        let mut rows = texts.iter().flat_map(|text| whole_lines(text));
        let wrong = rows
            .by_ref()
            .zip(0_u64..)
            .find(|(row, number)| *row != format!("{{\"counter\":{number}}}"));
        assert_eq!(wrong, None, "seed {seed}");
    }
}

/// The job tries again, and names the file from the first failure on.
#[test]
fn a_sink_without_room_is_named_with_the_cause() {
    let directory = TestDirectory::new();
    let kept = directory.text("kept.json");
    let query = directory.write(
        "query.sql",
        format!(
            "CREATE TABLE events WITH (connector = 'impulse', event_rate = '200000');\n\
             CREATE TABLE kept (n BIGINT UNSIGNED) WITH (connector = 'single_file', path = '{kept}', type = 'sink');\n\
             INSERT INTO kept SELECT counter FROM events;\n"
        ),
    );
    let mut running = Running::start(limited(&directory, &query, 4096));
    let cause = format!("failed to write file '{kept}': File too large");
    running.wait_for_message("is running");
    let started = Instant::now();
    while !store::records(&directory.path("state"))
        .iter()
        .any(|record| record.contains(&cause))
    {
        assert!(started.elapsed() < PATIENCE, "it does not say so");
        thread::sleep(Duration::from_millis(20));
    }
    running.signal(Signal::KILL);
}
