//! How often to poll a job that is on its way to Running or to Stopped.
//!
//! The intervals follow the recordings. A starting job is Created until the controller's next tick (up to 0.5 s, evenly spread), then
//! Scheduling for 53–111 ms if workers are threads and 214–261 ms if they are processes, then Running; a stop has the same two phases.
//! Polls before Scheduling therefore need to be just close enough to catch it, and those after it close enough to see Running soon. The
//! first polls are closer still, for an engine that needs a few milliseconds. A slower start is polled at most ten times a second, and
//! after ten seconds at intervals that grow with the time it has already taken.

use std::time::Duration;

use stepwell_arroyo::{Job, JobState};
use tokio::time::Instant;

use crate::session::Jitter;

/// The first pause.
const FIRST: Duration = Duration::from_millis(6);

/// While the controller has not acted, within its first tick.
const UNTIL_ACTED: Duration = Duration::from_millis(90);

/// By then the controller has acted, unless it is busy.
const TICK: Duration = Duration::from_millis(500);

/// After the last state before the goal was first seen: how long that state lasts at most, and the longest pause meanwhile. First for
/// workers that are threads, then for processes.
const NEAR: [(Duration, Duration); 2] = [
    (Duration::from_millis(112), Duration::from_millis(34)),
    (Duration::from_millis(270), Duration::from_millis(58)),
];

/// CheckpointStopping lasts for 104–110 ms (`310_stop_checkpoint_states` and `510_stop_checkpoint_states` of 0.15.0): close enough to see
/// it, including the time of a request.
const CLOSELY: Duration = Duration::from_millis(40);

/// How long to poll this closely.
const CLOSELY_FOR: Duration = Duration::from_secs(2);

/// Between the first tick and `LONG`.
const SECONDS: Duration = Duration::from_millis(130);

/// After this long, expect minutes.
const LONG: Duration = Duration::from_secs(10);

/// The longest pause of a start.
const LONGEST: Duration = Duration::from_secs(8);

/// The state that a job is on its way to.
#[derive(Clone, Copy, Debug)]
enum Goal {
    Running,
    /// With the longest pause between polls.
    Stopped(Duration),
}

/// The pauses between polls of a job in transition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollInterval {
    goal: Goal,
    began: Instant,
    /// Whether the last state before the goal must be observed.
    is_close: bool,
    /// When the last state before the goal was first seen, and in which run.
    near: Option<(u64, Instant)>,
}

impl PollInterval {
    pub(crate) fn to_running() -> Self {
        Self::new(Goal::Running)
    }

    /// A stop may take long because of its checkpoint; `ceiling` then limits the pause.
    pub(crate) fn to_stopped(ceiling: Duration) -> Self {
        Self::new(Goal::Stopped(ceiling))
    }

    fn new(goal: Goal) -> Self {
        Self {
            goal,
            began: Instant::now(),
            is_close: false,
            near: None,
        }
    }

    /// Whether CheckpointStopping must be observed: a server up to 0.15 shows only by it which checkpoint is the final one.
    pub(crate) fn closely(self, is_close: bool) -> Self {
        Self { is_close, ..self }
    }

    /// Records an observation.
    pub(crate) fn saw(&mut self, job: &Job) {
        let is_near = match self.goal {
            Goal::Running => job.state == JobState::Scheduling,
            Goal::Stopped(_) => {
                matches!(job.state, JobState::Stopping | JobState::CheckpointStopping)
            }
        };
        self.near = match self.near {
            Some((run_id, since)) if is_near && run_id == job.run_id => Some((run_id, since)),
            _ => is_near.then(|| (job.run_id, Instant::now())),
        };
    }

    /// The pause before the next poll.
    pub(crate) fn pause(&self, jitter: &Jitter) -> Duration {
        jitter.quarter(self.longest_pause())
    }

    fn longest_pause(&self) -> Duration {
        let waited = self.began.elapsed();
        let far = match self.goal {
            _ if self.is_close && waited < CLOSELY_FOR => CLOSELY,
            _ if waited < TICK => UNTIL_ACTED,
            Goal::Running if waited < LONG => SECONDS,
            // A smooth transition between the two.
            Goal::Running => (SECONDS + waited.saturating_sub(LONG) * 3)
                .min(waited / 6)
                .min(LONGEST),
            Goal::Stopped(ceiling) => SECONDS.max(waited / 4).min(ceiling),
        };
        let near = self.near.and_then(|(_, since)| near(since)).unwrap_or(far);
        // From one to the other within a few polls.
        let first = FIRST.max(waited.saturating_sub(FIRST) * 12);
        near.min(far).min(first)
    }
}

/// The longest pause if the last state before the goal was first seen at `since`; `None` if the goal has not followed, so that it may still
/// be far.
fn near(since: Instant) -> Option<Duration> {
    let elapsed = since.elapsed();
    let phase = NEAR.iter().find(|(until, _)| elapsed < *until);
    phase.map(|(_, pause)| *pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: &JobState, run_id: u64) -> Job {
        serde_json::from_value(serde_json::json!({
            "id": "job_1", "pipeline_id": "pl_1", "running_desired": true, "state": state.to_string(), "run_id": run_id,
            "created_at": 1,
        }))
        .unwrap()
    }

    /// The times of the polls without jitter, while `state` is seen, up to `until`.
    async fn looks(mut interval: PollInterval, state: JobState, until: Duration) -> Vec<u128> {
        let mut looks = Vec::new();
        let began = Instant::now();
        while began.elapsed() < until {
            looks.push(began.elapsed().as_millis());
            interval.saw(&job(&state, 1));
            tokio::time::sleep(interval.longest_pause()).await;
        }
        looks
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_looks_are_close_then_as_far_as_scheduling_lasts() {
        let looks = looks(
            PollInterval::to_running(),
            JobState::Created,
            Duration::from_millis(700),
        );
        assert_eq!(looks.await, [0, 6, 12, 84, 174, 264, 354, 444, 534, 664]);
    }

    #[tokio::test(start_paused = true)]
    async fn scheduling_brings_close_looks_once_a_run() {
        let mut interval = PollInterval::to_running();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(interval.longest_pause(), LONGEST);
        interval.saw(&job(&JobState::Scheduling, 1));
        assert_eq!(interval.longest_pause(), NEAR[0].1);
        tokio::time::sleep(Duration::from_secs(60)).await;
        interval.saw(&job(&JobState::Scheduling, 1));
        assert_eq!(interval.longest_pause(), LONGEST);
        interval.saw(&job(&JobState::Scheduling, 2));
        assert_eq!(interval.longest_pause(), NEAR[0].1);
        interval.saw(&job(&JobState::Recovering, 2));
        assert_eq!(interval.longest_pause(), LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_never_looked_at_more_rarely_than_the_ceiling() {
        let ceiling = Duration::from_millis(500);
        for state in [JobState::Running, JobState::CheckpointStopping] {
            let looks = looks(
                PollInterval::to_stopped(ceiling),
                state,
                Duration::from_secs(30),
            )
            .await;
            assert!(looks.windows(2).all(|pair| pair[1] - pair[0] <= 500));
            // At the end there are two polls a second, and no more.
            assert_eq!(looks.iter().filter(|look| **look > 20_000).count(), 20);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ceiling_below_all_other_pauses_holds_from_the_start() {
        let ceiling = Duration::from_millis(1);
        let interval = PollInterval::to_stopped(ceiling);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(interval.longest_pause(), ceiling);
    }
}
