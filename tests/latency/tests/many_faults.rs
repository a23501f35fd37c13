//! Waits that share a list, with faults drawn by seed: each sees the end that its pipeline had, and none sees one that it had not.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::Duration;

use http::StatusCode;
use latency::{
    Chance,
    many::{AllJobs, Counted, Wait, running},
};
use stepwell::{JobState, Options, StopMode, Submission, Transport as _, state::Running};
use stepwell_control_plane::{
    Generation, Scheduler,
    testing::{Failure, Server},
};
use tokio::time::{Instant, sleep, timeout};

const SEEDS: u64 = if cfg!(debug_assertions) { 60 } else { 600 };

/// How late an end may be seen after the last fault.
const LATE: Duration = Duration::from_secs(45);

fn below(chance: &mut Chance, limit: u64) -> u64 {
    chance.draw() % limit
}

fn millis(chance: &mut Chance, most: u64) -> Duration {
    Duration::from_millis(below(chance, most))
}

/// In a third of the cases as in a `select!` loop, whose other branch is ready again and again.
fn begin(running: Submission<Running>, chance: &mut Chance) -> Wait {
    if below(chance, 3) > 0 {
        return Wait::begin(running);
    }
    let slice = Duration::from_millis(50) + millis(chance, 2_000);
    Wait {
        id: running.id().clone(),
        end: tokio::spawn(async move {
            loop {
                if let Ok(ended) = timeout(slice, running.ended()).await {
                    return (ended, Instant::now());
                }
            }
        }),
    }
}

fn fault(counted: &Counted, chance: &mut Chance) {
    let times = 1 + usize::try_from(below(chance, 4)).unwrap();
    let statuses = [404, 405, 429, 500, 502, 503, 401, 400];
    let which = usize::try_from(below(chance, 8)).unwrap();
    let status = StatusCode::from_u16(statuses[which]).unwrap();
    match below(chance, 8) {
        0 | 1 => {
            let after = Some(below(chance, 4)).filter(|after| *after > 0);
            counted.answer(times, AllJobs::Refused(status, after));
        }
        2 | 3 => {
            let rows = usize::try_from(below(chance, 12)).unwrap();
            counted.answer(times, AllJobs::First(rows));
        }
        4 => counted.answer(times, AllJobs::Hung),
        5 => counted.takes(millis(chance, 3_500)),
        6 => counted.takes(Duration::ZERO),
        _ => counted.server.refuse_connections(below(chance, 2) == 0),
    }
}

async fn play(seed: u64) {
    let mut chance = Chance::new(seed);
    let generation = match below(&mut chance, 3) {
        0 => Generation::V0_15(Scheduler::Process),
        _ => Generation::V0_16,
    };
    let counted = Counted::of(Server::builder().generation(generation).seed(seed).build());
    let count = usize::try_from(3 + below(&mut chance, 9)).unwrap();
    let over = std::iter::repeat_n(counted.clone().into_shared(), count);
    let options = Options::default()
        .with_request_timeout(Duration::from_secs(5))
        .with_silence_timeout(Duration::from_secs(600));
    let running = running(&counted.server, over, &options).await;
    let mut waits = Vec::new();
    for running in running {
        waits.push((begin(running, &mut chance), None));
    }
    for _ in 0..20 {
        sleep(millis(&mut chance, 3_000)).await;
        fault(&counted, &mut chance);
        let which = usize::try_from(below(&mut chance, count as u64)).unwrap();
        let (wait, end) = &mut waits[which];
        if below(&mut chance, 4) > 0 || end.is_some() {
            continue;
        }
        *end = Some(match below(&mut chance, 3) {
            0 if generation == Generation::V0_16 => {
                counted.server.fail(&wait.id, Failure::new("no such topic"));
                JobState::Failed
            }
            1 => {
                counted.server.finish(&wait.id);
                JobState::Finished
            }
            _ => {
                counted.server.stop(&wait.id, &StopMode::Checkpoint);
                JobState::Stopped
            }
        });
    }
    counted.server.refuse_connections(false);
    counted.answer(0, AllJobs::Whole);
    counted.takes(Duration::ZERO);
    sleep(LATE).await;
    for (wait, end) in waits {
        match end {
            None => assert!(!wait.end.is_finished(), "seed {seed}: {:?}", wait.end.await),
            Some(state) => {
                assert!(
                    wait.end.is_finished(),
                    "seed {seed}: {state} of {} is not seen",
                    wait.id
                );
                let ended = wait.end.await.unwrap().0;
                let job = ended.map(|ended| ended.job.state);
                assert_eq!(
                    job.map_err(|error| error.to_string()),
                    Ok(state),
                    "seed {seed}"
                );
            }
        }
    }
}

#[test]
fn each_wait_sees_the_end_of_its_own_pipeline() {
    for seed in 0..SEEDS {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(Box::pin(play(seed)));
    }
}
