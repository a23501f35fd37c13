use stepwell_arroyo::{Job, JobId, Pipeline};

use super::*;
use crate::Scheduler;

/// Every state that a tick can find, with the fields that its transitions depend on.
fn records() -> impl Iterator<Item = Record> {
    const STATES: [&str; 15] = [
        "Created",
        "Compiling",
        "Scheduling",
        "Running",
        "Rescaling",
        "CheckpointStopping",
        "Stopping",
        "Stopped",
        "Recovering",
        "Restarting",
        "Finishing",
        "Finished",
        "Failing",
        "Failed",
        "Migrating",
    ];
    const STOPS: [&str; 5] = ["none", "checkpoint", "graceful", "immediate", "force"];
    let in_flight = InFlight {
        epoch: 1,
        stopping: false,
    };
    let rest = [None, Some(Restart::Safe), Some(Restart::Force)]
        .into_iter()
        .flat_map(move |restart| {
            [None, Some(in_flight)]
                .into_iter()
                .flat_map(move |in_flight| {
                    [false, true].map(|has_worker| (restart, in_flight, has_worker))
                })
        });
    STATES.into_iter().flat_map(move |state| {
        let rest = rest.clone();
        STOPS.into_iter().flat_map(move |stop| {
            rest.clone().map(move |(restart, in_flight, has_worker)| {
                let id = PipelineId::from_server("pl_1");
                let mut pipeline = Pipeline::new(id.clone(), "a", "SELECT 1", 1);
                pipeline.stop = StopMode::from(stop);
                let mut job = JobRecord::new(Job::new(JobId::from_server("job_1"), id, 1), 1);
                job.shown.state = JobState::from(state);
                job.restart = restart;
                job.in_flight = in_flight;
                job.has_worker = has_worker;
                job.checkpoints = vec![Checkpoint::new(1, "a", CheckpointType::Scheduled, 1)];
                Record {
                    pipeline,
                    sequence: 0,
                    parallelism: 2,
                    job: Some(job),
                }
            })
        })
    })
}

#[test]
fn what_is_at_rest_need_not_be_looked_at_and_a_change_shows_without_the_history() {
    let mut at_rest = 0;
    for before in records() {
        let generations = [
            Generation::V0_15(Scheduler::Process),
            Generation::V0_15(Scheduler::Embedded),
            Generation::V0_16,
        ];
        let cases = generations
            .into_iter()
            .flat_map(|generation| [0, u64::MAX / 2].map(|now| (generation, now)));
        for (generation, now) in cases {
            let mut record = before.clone();
            let mut commands = Vec::new();
            let options = Options {
                generation,
                ..Options::default()
            };
            look(&mut record, now, &options, &mut commands);
            let unchanged = record == before;
            if before.is_at_rest() {
                assert!(unchanged && commands.is_empty(), "{before:?}");
                at_rest += 1;
            }
            let small = |record: &Record| record.job.as_ref().map(JobRecord::without_history);
            assert_eq!(small(&record) == small(&before), unchanged, "{before:?}");
        }
    }
    assert!(at_rest > 0);
}
