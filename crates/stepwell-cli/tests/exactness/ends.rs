//! Runs after the end of a pipeline do not change its output by accident.

use std::{fs, path::Path};

use rustix::process::Signal;

use crate::{
    directory,
    store::{self, Damage},
    support::{Left, Running, stepwell},
};

fn write(directory: &Path, rows: u64, rate: u64) {
    let text = format!(
        "CREATE TABLE events WITH (connector = 'impulse', event_rate = '{rate}', message_count = '{rows}');\n\
         CREATE TABLE kept (n BIGINT) WITH (connector = 'single_file', path = '{}', format = 'json', type = 'sink');\n\
         INSERT INTO kept SELECT CAST(counter AS BIGINT) FROM events;\n\
         SELECT counter FROM events;\n",
        directory.join("kept.json").display()
    );
    fs::write(directory.join("query.sql"), text).unwrap();
}

fn start(directory: &Path, state: &str, more: &[&str]) -> Running {
    let mut command = stepwell(&["run", "-s"]);
    command
        .arg(directory.join(state))
        .args(more)
        .arg(directory.join("query.sql"));
    Running::start(command)
}

fn run(directory: &Path, state: &str, more: &[&str]) -> Left {
    start(directory, state, more).finish()
}

fn kept(directory: &Path) -> String {
    fs::read_to_string(directory.join("kept.json")).unwrap()
}

#[test]
fn a_finished_query_is_run_again_only_when_told_to() {
    let directory = directory();
    write(directory.path(), 20, 1000);
    assert_eq!(run(directory.path(), "state", &[]).code, Some(0));
    let (text, rows) = (kept(directory.path()), 20);
    assert_eq!(text.lines().count(), rows);

    let again = run(directory.path(), "state", &[]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (Some(5), ""),
        "{}",
        again.stderr
    );
    assert_eq!(kept(directory.path()), text);

    // A new run and a new state directory truncate the file.
    for (state, more) in [("state", &["--new-run"] as &[_]), ("other", &[])] {
        fs::write(
            directory.path().join("kept.json"),
            "of somebody else\n".repeat(100),
        )
        .unwrap();
        let anew = run(directory.path(), state, more);
        assert_eq!(
            (anew.code, anew.stdout.lines().count()),
            (Some(0), rows),
            "{}",
            anew.stderr
        );
        assert_eq!(kept(directory.path()), text);
    }
}

/// Killed after its last row, before the end was stored: it runs again from its last checkpoint, and has finished before it is resolved.
#[test]
fn a_query_that_lacks_nothing_but_its_end_comes_to_it() {
    let directory = directory();
    write(directory.path(), 20, 1000);
    assert_eq!(run(directory.path(), "state", &[]).code, Some(0));
    let text = kept(directory.path());
    store::forget_the_end(&directory.path().join("state"));
    let again = run(directory.path(), "state", &[]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains(" is Finished"), "{}", again.stderr);
    assert_eq!(again.stdout.lines().count(), 20);
    assert_eq!(kept(directory.path()), text);
}

#[test]
fn a_dry_run_leaves_a_killed_run_to_the_next() {
    let directory = directory();
    write(directory.path(), 100_000, 200);
    let mut running = start(directory.path(), "state", &[]);
    running.wait_for_row("{\"counter\":10}");
    running.signal(Signal::KILL);
    running.finish();
    let state = directory.path().join("state");
    let before = store::records(&state);
    let plan = run(directory.path(), "state", &["--dry-run"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(plan.stderr.contains("would resume"), "{}", plan.stderr);
    // A run that was started has a number.
    assert_eq!(store::records(&state), before);
}

#[test]
fn without_a_sound_checkpoint_nothing_is_written() {
    let directory = directory();
    write(directory.path(), 100_000, 200);
    let only_at_the_end = ["--checkpoint-interval", "1d"];
    let mut running = start(directory.path(), "state", &only_at_the_end);
    running.wait_for_row("{\"counter\":10}");
    running.wait_for_message("is running");
    running.signal(Signal::INT);
    let left = running.finish();
    assert!(
        left.stderr.contains("with a final checkpoint"),
        "{}",
        left.stderr
    );
    let text = kept(directory.path());
    let state = directory.path().join("state");
    let [checkpoint] = &store::checkpoints(&state)[..] else {
        panic!("there is one checkpoint");
    };
    store::damage(&state, checkpoint.epoch, Damage::Flip(100));

    let failed = run(directory.path(), "state", &[]);
    assert_eq!(
        (failed.code, failed.stdout.as_str()),
        (Some(6), ""),
        "{}",
        failed.stderr
    );
    for part in [
        "no checkpoint of the job can be read",
        "with another state directory",
    ] {
        assert!(
            failed.stderr.contains(part),
            "{part:?} is not in:\n{}",
            failed.stderr
        );
    }
    assert_eq!(kept(directory.path()), text);
}
