use stepwell_arroyo::{Checkpoint, CheckpointType, Job, JobId, JobState, PipelineId, StopMode};

use super::{
    Evidence,
    Finding::{self, Known, MadeIfStillAsked, NotKnown},
    finding_afterwards,
};

/// The start time of the job.
const START: u64 = 1_000;

fn job(state: &str, running_desired: bool) -> Job {
    let mut job = Job::new(
        JobId::from_server("job_1"),
        PipelineId::from_server("pl_1"),
        1,
    );
    job.state = JobState::from(state);
    job.run_id = 1;
    job.running_desired = running_desired;
    job.start_time = Some(START);
    job
}

/// A finished checkpoint; without a kind as a release up to 0.15 shows it.
fn checkpoint(epoch: u64, kind: Option<CheckpointType>) -> Checkpoint {
    let mut checkpoint = Checkpoint::new(
        epoch,
        "parquet",
        CheckpointType::Scheduled,
        START + epoch * 100,
    );
    checkpoint.checkpoint_type = kind;
    checkpoint.finish_time = Some(checkpoint.start_time + 10);
    checkpoint
}

fn released(epoch: u64) -> Checkpoint {
    checkpoint(epoch, None)
}

fn scheduled(epoch: u64) -> Checkpoint {
    checkpoint(epoch, Some(CheckpointType::Scheduled))
}

fn stopping(epoch: u64) -> Checkpoint {
    checkpoint(epoch, Some(CheckpointType::Stopping))
}

fn under_way(mut checkpoint: Checkpoint) -> Checkpoint {
    checkpoint.finish_time = None;
    checkpoint
}

/// The finding for a job that was Running, was asked to stop by us, and was then seen in these states; the last one is its end.
fn after(
    before: Vec<Checkpoint>,
    mode: &StopMode,
    states: &[&str],
    after: &[Checkpoint],
) -> Finding {
    let mut evidence = Evidence::before(&job("Running", true), Some(before));
    evidence.asks(mode);
    let mut end = None;
    for state in states {
        let job = job(state, false);
        evidence.saw(&job);
        end = Some(job);
    }
    evidence.finding(&end.unwrap(), after)
}

#[test]
fn a_kind_decides_whatever_was_seen() {
    let stop = &StopMode::Checkpoint;
    for (before, later, finding) in [
        (vec![], vec![stopping(1)], Known(true)),
        (
            vec![scheduled(1)],
            vec![scheduled(1), stopping(2)],
            Known(true),
        ),
        (
            vec![scheduled(1)],
            vec![scheduled(1), scheduled(2)],
            Known(false),
        ),
        (vec![], vec![under_way(stopping(1))], Known(false)),
        // From an earlier stop, or from a restart.
        (
            vec![stopping(1)],
            vec![stopping(1), scheduled(2)],
            Known(false),
        ),
        // It was under way.
        (vec![under_way(stopping(1))], vec![stopping(1)], Known(true)),
    ] {
        assert_eq!(
            after(before.clone(), stop, &["Stopped"], &later),
            finding,
            "{before:?} {later:?}"
        );
    }
}

/// A run that starts without state counts its checkpoints from 1 again.
#[test]
fn the_same_epoch_of_another_run_is_another_checkpoint() {
    let mut again = stopping(1);
    again.start_time += 5_000;
    let seen = after(
        vec![stopping(1)],
        &StopMode::Checkpoint,
        &["Stopped"],
        &[again],
    );
    assert_eq!(seen, Known(true));
}

#[test]
fn without_a_kind_it_was_made_only_if_it_was_seen_to_be_taken() {
    let checkpoint_stop = StopMode::Checkpoint;
    let seen = ["CheckpointStopping", "Stopped"];
    let finding = |states: &[&str]| after(vec![], &checkpoint_stop, states, &[released(1)]);
    assert_eq!(finding(&seen), MadeIfStillAsked);
    assert_eq!(finding(&["Stopped"]), NotKnown);
    // It was aborted, or another run followed.
    assert_eq!(
        finding(&["CheckpointStopping", "Stopping", "Stopped"]),
        NotKnown
    );
    assert_eq!(
        finding(&["CheckpointStopping", "Running", "Stopped"]),
        NotKnown
    );
    assert_eq!(finding(&["CheckpointStopping", "Failed"]), NotKnown);
    // A periodic one may have been taken meanwhile.
    let immediate = after(vec![], &StopMode::Immediate, &seen, &[released(1)]);
    assert_eq!(immediate, NotKnown);
}

#[test]
fn without_a_kind_none_was_made_if_none_is_new() {
    let finding = |before: Vec<_>, later: &[_]| {
        after(
            before,
            &StopMode::Checkpoint,
            &["CheckpointStopping", "Stopped"],
            later,
        )
    };
    assert_eq!(finding(vec![], &[]), Known(false));
    assert_eq!(finding(vec![], &[under_way(released(1))]), Known(false));
    assert_eq!(finding(vec![released(1)], &[released(1)]), Known(false));
    // A periodic one that was under way is not a final one.
    assert_eq!(
        finding(vec![under_way(released(1))], &[released(1)]),
        Known(false)
    );
}

#[test]
fn what_somebody_else_had_told_to_stop_may_have_made_it_before_we_looked() {
    let evidence = |before| {
        let mut evidence = Evidence::before(&job("CheckpointStopping", false), Some(before));
        evidence.asks(&StopMode::Checkpoint);
        evidence
    };
    let end = job("Stopped", false);
    assert_eq!(
        evidence(vec![released(1)]).finding(&end, &[released(1)]),
        NotKnown
    );
    assert_eq!(
        evidence(vec![stopping(1)]).finding(&end, &[stopping(1)]),
        NotKnown
    );
    assert_eq!(
        evidence(vec![under_way(released(1))]).finding(&end, &[released(1)]),
        MadeIfStillAsked
    );
    assert_eq!(evidence(vec![]).finding(&end, &[]), Known(false));
    // The stop came between reading the job and reading its checkpoints.
    let running = job("Running", true);
    let mut late = Evidence::before(&running, Some(vec![released(1)]));
    assert!(late.may_be_late(&running));
    late.saw_before(&job("CheckpointStopping", false));
    assert_eq!(late.finding(&end, &[released(1)]), NotKnown);
    // The same if one is under way and finishes later.
    let mut begun = Evidence::before(&running, Some(vec![under_way(released(1))]));
    assert!(begun.may_be_late(&running));
    begun.saw_before(&job("CheckpointStopping", false));
    assert_eq!(begun.finding(&end, &[released(1)]), MadeIfStillAsked);
    let periodic = Evidence::before(&running, Some(vec![scheduled(1)]));
    assert!(!periodic.may_be_late(&running));
}

#[test]
fn where_the_checkpoints_were_not_read_nothing_is_known() {
    let evidence = Evidence::before(&job("Running", true), None);
    assert_eq!(
        evidence.finding(&job("Stopped", false), &[stopping(1)]),
        NotKnown
    );
}

#[test]
fn what_had_ended_before_is_told_by_its_newest_checkpoint() {
    let mut end = job("Stopped", false);
    end.finish_time = Some(START + 220);
    let mut old = stopping(1);
    old.start_time = START - 1;
    for (checkpoints, finding) in [
        (vec![], Known(false)),
        (vec![old], Known(false)),
        (vec![under_way(stopping(1))], Known(false)),
        (vec![scheduled(1), stopping(2)], MadeIfStillAsked),
        (vec![released(1)], NotKnown),
    ] {
        assert_eq!(
            finding_afterwards(&end, &checkpoints),
            finding,
            "{checkpoints:?}"
        );
    }
}

/// A restart takes a checkpoint of this kind, and the job goes on.
#[test]
fn a_periodic_checkpoint_long_before_the_end_is_no_final_one() {
    let mut end = job("Stopped", false);
    end.finish_time = Some(START + 5_000_000);
    for checkpoints in [vec![scheduled(1)], vec![stopping(1), scheduled(2)]] {
        assert_eq!(
            finding_afterwards(&end, &checkpoints),
            Known(false),
            "{checkpoints:?}"
        );
    }
}

/// A rescaled job keeps its start time, and may end without a checkpoint after that.
#[test]
fn a_checkpoint_that_a_restart_took_is_none_of_a_run_that_ends_later() {
    let mut end = job("Stopped", false);
    let checkpoints = [stopping(1)];
    end.finish_time = checkpoints[0].finish_time.map(|time| time + 499_999);
    assert_eq!(finding_afterwards(&end, &checkpoints), MadeIfStillAsked);
    end.finish_time = checkpoints[0].finish_time.map(|time| time + 500_000);
    assert_eq!(finding_afterwards(&end, &checkpoints), NotKnown);
}

/// The run that a restart began may fail at once.
#[test]
fn a_failed_job_may_have_the_checkpoint_of_a_restart() {
    let mut end = job("Failed", false);
    let checkpoints = [stopping(1)];
    for after in [0, 400_000, 600_000] {
        end.finish_time = checkpoints[0].finish_time.map(|time| time + after);
        assert_eq!(finding_afterwards(&end, &checkpoints), NotKnown);
    }
    assert_eq!(finding_afterwards(&end, &[]), Known(false));
}

#[test]
fn a_checkpoint_between_two_runs_may_be_one_that_a_restart_took() {
    // A job that is Created is in no run; its first run counts as the same one.
    for (before, run_before, run, finding) in [
        ("Running", 1, 2, NotKnown),
        ("Running", 1, 1, Known(true)),
        ("Created", 0, 1, Known(true)),
        ("Created", 0, 2, NotKnown),
    ] {
        let mut seen = job(before, true);
        seen.run_id = run_before;
        let mut evidence = Evidence::before(&seen, Some(Vec::new()));
        evidence.asks(&StopMode::Checkpoint);
        let mut end = job("Stopped", false);
        end.run_id = run;
        assert_eq!(evidence.finding(&end, &[stopping(1)]), finding, "{before}");
    }
}

/// Another client had resumed it, and the controller had not begun the run.
#[test]
fn a_job_that_stays_at_its_end_keeps_the_checkpoint_that_it_ended_with() {
    for state in [
        "Stopped",
        "Failed",
        "Finished",
        "Restarting",
        "Rescaling",
        "CheckpointStopping",
    ] {
        let evidence = Evidence::before(&job(state, true), Some(vec![stopping(1)]));
        let finding = evidence.finding(&job("Stopped", false), &[stopping(1)]);
        assert_eq!(finding, NotKnown, "{state}");
    }
}

#[test]
fn where_the_second_look_failed_a_stop_may_have_come_between() {
    let mut evidence = Evidence::before(&job("Running", true), Some(vec![stopping(1)]));
    evidence.missed_before();
    let finding = evidence.finding(&job("Stopped", false), &[stopping(1)]);
    assert_eq!(finding, NotKnown);
}

#[test]
fn without_a_kind_a_periodic_one_does_not_stand_for_a_final_one_that_broke_off() {
    let after = |later: &[_]| {
        let states = ["CheckpointStopping", "Stopped"];
        after(vec![], &StopMode::Checkpoint, &states, later)
    };
    let broken_off = [released(1), under_way(released(2))];
    assert_eq!(after(&broken_off), NotKnown);
    assert_eq!(after(&broken_off[..1]), MadeIfStillAsked);
}

#[test]
fn another_job_under_the_same_id_says_nothing_of_the_one_before() {
    let mut evidence = Evidence::before(&job("Running", true), Some(Vec::new()));
    evidence.asks(&StopMode::Checkpoint);
    let mut another = job("Stopped", false);
    another.id = JobId::from_server("job_2");
    assert_eq!(evidence.finding(&another, &[stopping(1)]), NotKnown);
}

/// The upgrade turns all earlier checkpoints into scheduled ones.
#[test]
fn a_scheduled_one_that_a_run_ended_with_may_be_a_final_one_of_before_an_upgrade() {
    let mut end = job("Stopped", false);
    let checkpoints = [scheduled(1)];
    end.finish_time = checkpoints[0].finish_time.map(|time| time + 3_000);
    assert_eq!(finding_afterwards(&end, &checkpoints), NotKnown);
    let resumed = Evidence::before(&job("Stopped", true), Some(checkpoints.to_vec()));
    assert_eq!(resumed.finding(&end, &checkpoints), NotKnown);
    end.finish_time = checkpoints[0].finish_time.map(|time| time + 600_000);
    assert_eq!(finding_afterwards(&end, &checkpoints), Known(false));
}
