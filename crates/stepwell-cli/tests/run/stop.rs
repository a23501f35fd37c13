//! Signals, and a closed pipe, which stops a run like a signal.

use rustix::process::Signal;

use crate::support::{Running, TestDirectory, full_pipe, stepwell};

#[test]
fn a_signal_stops_with_a_final_checkpoint_and_the_next_run_goes_on_exactly() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '50'", "SELECT counter FROM impulse");
    let mut counters = Vec::new();
    for signal in [Signal::INT, Signal::TERM, Signal::INT] {
        let mut running =
            Running::start(stepwell(&["run", "-s", &directory.text("state"), &query]));
        running.wait_for_message("is running");
        running.wait_for_row("counter");
        running.signal(signal);
        let left = running.finish();
        assert_eq!(left.code, Some(0), "{}", left.stderr);
        assert!(
            left.stderr.contains("is Stopped with a final checkpoint"),
            "{}",
            left.stderr
        );
        let rows = left.stdout.lines().map(|row| {
            row.trim_start_matches("{\"counter\":")
                .trim_end_matches('}')
                .parse::<u64>()
                .unwrap()
        });
        counters.extend(rows);
    }
    assert!(counters.len() >= 3);
    assert!(
        counters.iter().copied().eq(0..counters.len() as u64),
        "no row twice, none lost: {counters:?}"
    );
}

#[test]
fn a_second_signal_leaves_at_once_and_says_what_is_left() {
    let directory = TestDirectory::new();
    // The rows are not read, so the engine cannot write the last ones and the stop cannot end.
    let query = directory.query("event_rate = '1000'", "SELECT counter FROM impulse");
    let mut command = stepwell(&["run", "-s", &directory.text("state"), &query]);
    let (_reader, writer) = full_pipe();
    command.stdout(writer);
    let mut running = Running::start(command);
    running.wait_for_message("is running");
    running.signal(Signal::INT);
    running.wait_for_message("press Ctrl-C again to quit immediately");
    running.signal_until_ended(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(130), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("quit on a second SIGINT; pipeline sw_")
            && left.stderr.contains("ends without a final checkpoint"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_stop_that_does_not_come_true_in_time_is_8() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '1000'", "SELECT counter FROM impulse");
    let mut command = stepwell(&[
        "run",
        "-s",
        &directory.text("state"),
        "--stop-timeout",
        "300ms",
        &query,
    ]);
    let (_reader, writer) = full_pipe();
    command.stdout(writer);
    let mut running = Running::start(command);
    running.wait_for_message("is running");
    running.signal(Signal::INT);
    let left = running.finish();
    assert_eq!(left.code, Some(8), "{}", left.stderr);
    assert!(
        left.stderr
            .contains("ends without a final checkpoint: it was not seen stopped"),
        "{}",
        left.stderr
    );
}

#[test]
fn a_closed_pipe_is_a_wish_to_stop() {
    let directory = TestDirectory::new();
    let query = directory.query("event_rate = '1000'", "SELECT counter FROM impulse");
    let mut command = stepwell(&["run", "-s", &directory.text("state"), &query]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdout(writer);
    let mut running = Running::start(command);
    running.wait_for_message("is running");
    drop(reader);
    let left = running.finish();
    assert_eq!(left.code, Some(0), "{}", left.stderr);
    assert!(
        left.stderr.contains("is Stopped with a final checkpoint"),
        "{}",
        left.stderr
    );
}
