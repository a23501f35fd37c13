//! Which pipeline a run resumes, and when it creates one.

use rustix::process::Signal;

use crate::support::{Running, TestDirectory, example, run, stepwell};

#[test]
fn other_pipelines_are_refused_with_5_and_forced() {
    let directory = TestDirectory::new();
    let state = directory.text("state");
    assert_eq!(
        run(&["run", "-s", &state, &example("finite.sql")]).code,
        Some(0)
    );

    let other = directory.query(
        "event_rate = '1000', message_count = '2'",
        "SELECT counter FROM impulse",
    );
    let refused = run(&["run", "-s", &state, &other]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("\"finite\" (sw_"),
        "it names them: {}",
        refused.stderr
    );
    assert!(refused.stderr.contains(" --force\n"), "{}", refused.stderr);
    assert_eq!(
        run(&["run", "-s", &state, "--force", &other]).stdout,
        "{\"counter\":0}\n{\"counter\":1}\n"
    );

    let finished = run(&["run", "-s", &state, &other]);
    assert_eq!(finished.code, Some(5));
    assert!(
        finished.stderr.contains(" --new-run\n"),
        "{}",
        finished.stderr
    );
    assert_eq!(
        run(&["run", "-s", &state, "--new-run", &other]).stdout,
        "{\"counter\":0}\n{\"counter\":1}\n"
    );
}

#[test]
fn a_pipeline_can_be_looked_for_by_its_id_alone() {
    let directory = TestDirectory::new();
    let state = directory.text("state");
    let by_id = ["run", "-s", &state, "--find-by", "id"];
    let with = |more: &[&str]| run(&[&by_id, more].concat());
    let finite = directory.query(
        "event_rate = '1000', message_count = '2'",
        "SELECT counter FROM impulse",
    );
    let rows = "{\"counter\":0}\n{\"counter\":1}\n";
    assert_eq!(with(&[&finite]).stdout, rows);
    let again = with(&[&finite]);
    assert_eq!(again.code, Some(5), "{}", again.stderr);
    assert!(again.stderr.contains(" --new-run\n"));
    assert_eq!(with(&["--new-run", &finite]).stdout, rows);

    let refused = with(&[&example("finite.sql")]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("no pipeline has the id sw_")
            && refused.stderr.contains(" --force\n"),
        "{}",
        refused.stderr
    );
    assert_eq!(with(&["--force", &example("finite.sql")]).code, Some(0));
}

#[test]
fn intents_are_kept() {
    let directory = TestDirectory::new();
    let state = directory.text("state");
    let query = directory.query("event_rate = '50'", "SELECT counter FROM impulse");
    let none = run(&["run", "-s", &state, "--resume-only", &query]);
    assert_eq!(none.code, Some(5), "{}", none.stderr);
    assert!(
        none.stderr.contains("there is no pipeline to resume"),
        "{}",
        none.stderr
    );

    let plan = run(&["run", "-s", &state, "--dry-run", "--id", "mine", &query]);
    assert_eq!(plan.code, Some(0));
    assert!(
        plan.stderr
            .contains("would create pipeline \"query\" with the id mine"),
        "{}",
        plan.stderr
    );
    assert_eq!(plan.stdout, "");

    let mut running = Running::start(stepwell(&[
        "run",
        "-s",
        &state,
        "--create-only",
        "--id",
        "mine",
        &query,
    ]));
    running.wait_for_message("created pipeline mine");
    running.wait_for_message("is running");
    running.signal(Signal::INT);
    assert_eq!(running.finish().code, Some(0));

    let again = run(&["run", "-s", &state, "--create-only", &query]);
    assert_eq!(again.code, Some(5));
    assert!(
        again.stderr.contains("has this query already"),
        "{}",
        again.stderr
    );
    let plan = run(&["run", "-s", &state, "--dry-run", "-p", "3", &query]);
    assert!(
        plan.stderr
            .contains("which is Stopped: tell it to run, then set its parallelism to 3"),
        "{}",
        plan.stderr
    );
}
