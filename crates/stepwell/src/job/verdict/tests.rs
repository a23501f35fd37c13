use stepwell_arroyo::PipelineId;

use super::*;

const STATES: [JobState; 14] = [
    JobState::Created,
    JobState::Compiling,
    JobState::Scheduling,
    JobState::Running,
    JobState::Rescaling,
    JobState::CheckpointStopping,
    JobState::Stopping,
    JobState::Stopped,
    JobState::Recovering,
    JobState::Restarting,
    JobState::Finishing,
    JobState::Finished,
    JobState::Failing,
    JobState::Failed,
];

fn job(state: &JobState, run_id: u64, running_desired: bool) -> Job {
    let pipeline = PipelineId::from_server("pl_1");
    let mut job = Job::new(JobId::from_server("job_1"), pipeline, 1);
    job.state = state.clone();
    job.run_id = run_id;
    job.running_desired = running_desired;
    job
}

fn is_end(state: &JobState, running_desired: bool) -> bool {
    match state {
        JobState::Finished | JobState::Failed => true,
        JobState::Stopped => !running_desired,
        _ => false,
    }
}

/// The meaning of an observation that counts.
fn plain(state: &JobState, running_desired: bool) -> Verdict {
    match state {
        JobState::Running => Verdict::Running,
        state if is_end(state, running_desired) => Verdict::Ended,
        _ => Verdict::Pending,
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_run_before_everything_counts() {
    for state in &STATES {
        for desired in [true, false] {
            let observed = job(state, 1, desired);
            let wanted = plain(state, desired);
            assert_eq!(Baseline::none().verdict(&observed), wanted, "{state}");
            assert_eq!(Baseline::found(None).verdict(&observed), wanted, "{state}");
            assert_eq!(Baseline::acted(None).verdict(&observed), wanted, "{state}");
        }
    }
}

/// Observations of a new run: of the same job, and of another one, whose runs are counted from the start.
fn new_runs(state: &JobState, desired: bool) -> [Job; 2] {
    let mut another = job(state, 1, desired);
    another.id = JobId::from_server("job_2");
    [job(state, 4, desired), another]
}

#[tokio::test(start_paused = true)]
async fn a_new_run_counts_when_our_request_begins_no_other_or_the_old_one_was_seen_after_the_reply()
{
    for before in &STATES {
        let before = job(before, 3, true);
        let mut acted = Baseline::acted(Some(&before));
        acted.verdict(&before);
        for baseline in [
            Baseline::found(Some(&before)),
            Baseline::started(Some(&before)),
            acted,
        ] {
            for state in &STATES {
                for desired in [true, false] {
                    for observed in new_runs(state, desired) {
                        let wanted = plain(state, desired);
                        assert_eq!(baseline.clone().verdict(&observed), wanted, "{state}");
                    }
                }
            }
        }
    }
}

/// Another client may have begun it before our request, which then begins one more.
#[tokio::test(start_paused = true)]
async fn running_in_a_new_run_that_is_seen_first_after_an_act_of_ours_counts_two_ticks_after_the_reply()
 {
    let replied = Instant::now();
    for before in &STATES {
        let before = job(before, 3, true);
        for observed in new_runs(&JobState::Running, true) {
            assert_eq!(
                Baseline::acted(Some(&before)).verdict(&observed),
                Verdict::RunningIfUnchangedUntil(replied + Duration::from_secs(1))
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_in_a_new_run_that_is_seen_first_after_an_act_of_ours_counts_two_ticks_after_the_reply()
 {
    let before = job(&JobState::Failed, 3, true);
    let mut baseline = Baseline::acted(Some(&before));
    let observed = job(&JobState::Failed, 4, true);
    assert_eq!(baseline.verdict(&observed), Verdict::Pending);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(baseline.verdict(&observed), Verdict::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_lived_and_was_left_alone_is_taken_at_its_word() {
    for before in STATES.iter().filter(|state| !state.is_terminal()) {
        let mut baseline = Baseline::found(Some(&job(before, 3, true)));
        for state in &STATES {
            for desired in [true, false] {
                let observed = job(state, 3, desired);
                assert_eq!(
                    baseline.verdict(&observed),
                    plain(state, desired),
                    "{before} to {state}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_act_of_ours_no_end_in_the_run_before_counts_but_finished() {
    for before in &STATES {
        let mut baseline = Baseline::acted(Some(&job(before, 3, true)));
        for state in [JobState::Stopped, JobState::Failed] {
            for desired in [true, false] {
                let observed = job(&state, 3, desired);
                assert_eq!(
                    baseline.verdict(&observed),
                    Verdict::Pending,
                    "{before} to {state}"
                );
            }
        }
        let finished = job(&JobState::Finished, 3, false);
        assert_eq!(baseline.verdict(&finished), Verdict::Ended, "{before}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_act_of_ours_running_in_the_run_before_counts_two_ticks_after_the_reply() {
    let replied = Instant::now();
    for before in &STATES {
        let mut baseline = Baseline::acted(Some(&job(before, 3, true)));
        let wanted = if before.is_terminal() {
            Verdict::Pending
        } else {
            Verdict::RunningIfUnchangedUntil(replied + Duration::from_secs(1))
        };
        let observed = job(&JobState::Running, 3, true);
        assert_eq!(baseline.verdict(&observed), wanted, "{before}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_not_known_is_on_its_way() {
    let state = JobState::Other("Migrating".to_owned());
    assert_eq!(
        Baseline::none().verdict(&job(&state, 1, true)),
        Verdict::Pending
    );
}
