//! Several pipelines in one state directory: only the rows of the requested one are on standard output.

use std::{ops::Range, thread};

use rustix::process::Signal;
use stepwell_control_plane::testing::Chance;

use crate::{
    few_seeds,
    support::{Left, Running, TestDirectory, stepwell},
};

/// A query whose rows have their own column name.
fn query(directory: &TestDirectory, name: &str, chance: &mut Chance, rows: Option<u64>) -> String {
    let rate = 200 + chance.below(20_000);
    let count = rows.map_or_else(String::new, |rows| format!(", message_count = '{rows}'"));
    directory.write(
        &format!("{name}.sql"),
        format!(
            "CREATE TABLE events WITH (connector = 'impulse', event_rate = '{rate}'{count});\n\
             SELECT counter AS {name} FROM events;\n"
        ),
    )
}

fn start(directory: &TestDirectory, more: &[&str]) -> Running {
    let state = directory.text("state");
    let mut arguments = vec!["run", "--checkpoint-interval", "1s", "-s", &state];
    arguments.extend(more);
    Running::start(stepwell(&arguments))
}

/// The range of a query's rows that were printed. There are no other rows and no gaps.
fn printed(name: &str, stdout: &str) -> Range<u64> {
    let number = |line: &str| -> u64 {
        let number = line.strip_prefix(&format!("{{\"{name}\":"));
        let number = number.and_then(|rest| rest.strip_suffix('}'));
        let number = number.unwrap_or_else(|| panic!("{line} is no row of {name}"));
        number.parse().unwrap()
    };
    let numbers: Vec<_> = stdout.lines().map(number).collect();
    let begin = numbers.first().copied().unwrap_or_default();
    let rows = begin..begin + numbers.len() as u64;
    assert!(rows.clone().eq(numbers), "{name}: {rows:?}");
    rows
}

fn interrupt(running: Running) -> Left {
    running.signal(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(
        left.stderr.contains("is Stopped with a final checkpoint"),
        "{}",
        left.stderr
    );
    left
}

#[test]
fn what_a_killed_run_has_left_starts_again_unseen_and_said() {
    for seed in few_seeds(3) {
        let mut chance = Chance::new(seed);
        let directory = TestDirectory::new();
        let first = query(&directory, "a", &mut chance, None);
        let second = query(&directory, "b", &mut chance, None);

        let mut running = start(&directory, &["--name", "the \"first\"", &first]);
        running.wait_for_row("{\"a\":");
        thread::sleep(chance.millis(0, 1500));
        running.signal(Signal::KILL);
        let mut seen = printed("a", &running.finish().stdout);
        assert_eq!(seen.start, 0);

        // Its rows are not shown when the second pipeline is refused.
        let refused = start(&directory, &["--name", "second", &second]).finish();
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(5), ""),
            "{}",
            refused.stderr
        );

        // The rows of the second pipeline over two runs are exact, while the first one runs too.
        let mut next = 0;
        for more in [&["--force"] as &[_], &[]] {
            let mut running = start(&directory, &[more, &["--name", "second", &second]].concat());
            running.wait_for_message(
                "(\"the \\\"first\\\"\") was running when this directory was last used",
            );
            running.wait_for_message("is running");
            running.wait_for_row("{\"b\":");
            thread::sleep(chance.millis(0, 1500));
            let left = interrupt(running);
            let rows = printed("b", &left.stdout);
            assert_eq!(rows.start, next, "seed {seed}");
            next = rows.end;
            assert_eq!(left.stderr.matches("was running when").count(), 1);
        }

        // The rows of the first pipeline were discarded meanwhile. They are shown again now, and exact from here on.
        for round in 0..2 {
            let mut running = start(&directory, &["--name", "the \"first\"", &first]);
            running.wait_for_message("is running");
            running.wait_for_row("{\"a\":");
            let left = interrupt(running);
            assert!(!left.stderr.contains("was running when"), "{}", left.stderr);
            let rows = printed("a", &left.stdout);
            assert!(
                round == 0 || rows.start == seen.end,
                "seed {seed}: {rows:?} after {seen:?}"
            );
            seen = rows;
        }
    }
}

#[test]
fn rows_of_pipelines_made_over_the_api_go_to_who_made_them() {
    for seed in few_seeds(2) {
        let mut chance = Chance::new(seed);
        let directory = TestDirectory::new();
        let foreground = query(&directory, "a", &mut chance, None);
        let mut running = start(&directory, &[&foreground]);
        let url = &running.engine();
        let finite = 2000 + chance.below(4000);
        let other = directory.write(
            "b.sql",
            format!(
                "CREATE TABLE events WITH (connector = 'impulse', event_rate = '2000', message_count = '{finite}');\n\
                 SELECT counter AS b FROM events;\n"
            ),
        );
        let client = stepwell(&["run", "--server", url, "--force", "--name", "b", &other]);
        let followed = Running::start(client).finish();
        assert_eq!(followed.code, Some(0), "{}", followed.stderr);
        // The first rows are produced before they can be read.
        assert_eq!(
            printed("b", &followed.stdout).end,
            finite,
            "{}",
            followed.stderr
        );
        let first = interrupt(running);
        let rows = printed("a", &first.stdout);
        assert_eq!(rows.start, 0);

        let mut running = start(&directory, &[&foreground]);
        running.wait_for_message("is running");
        running.wait_for_row("{\"a\":");
        let second = printed("a", &interrupt(running).stdout);
        assert_eq!(second.start, rows.end, "seed {seed}");
    }
}
