//! The state that a run leaves, and continues from.

use rustix::process::Signal;

use crate::support::{Running, TestDirectory, example, stepwell};

/// Without `--state-dir` the state is in a temporary directory, which is only kept if there is a state to continue from.
#[test]
fn a_new_directory_for_the_state_stays_only_if_it_is_of_use() {
    let directory = TestDirectory::new();
    let entries = || std::fs::read_dir(directory.path("")).unwrap().count();
    let with_room = |arguments: &[&str]| {
        let mut command = stepwell(arguments);
        command.env("TMPDIR", directory.path(""));
        Running::start(command)
    };
    assert_eq!(
        with_room(&["run", &example("finite.sql")]).finish().code,
        Some(0)
    );
    assert_eq!(entries(), 0, "it has finished");
    let invalid = directory.write("invalid.sql", "SELEC");
    assert_eq!(with_room(&["run", &invalid]).finish().code, Some(3));
    assert_eq!(entries(), 1, "there is no pipeline");

    let mut running = with_room(&["run", "-n", "mine", &example("hello.sql")]);
    running.wait_for_row("counter");
    running.signal(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert_eq!(entries(), 2, "{}", left.stderr);
    let command = left.stderr.lines().last().unwrap().trim();
    assert!(
        command.contains("run -n mine") && command.contains("--state-dir"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_killed_run_is_resumed() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '50'", "SELECT counter FROM impulse");
    let mut killed = Running::start(stepwell(&["run", "-s", &directory.text("state"), &query]));
    killed.wait_for_row("counter");
    killed.signal(Signal::KILL);
    assert_eq!(killed.finish().code, None);

    let mut next = Running::start(stepwell(&["run", "-s", &directory.text("state"), &query]));
    next.wait_for_message("resumed pipeline");
    next.wait_for_row("{\"counter\":0}");
    next.wait_for_message("is running");
    next.signal(Signal::INT);
    assert_eq!(next.finish().code, Some(0));
}
