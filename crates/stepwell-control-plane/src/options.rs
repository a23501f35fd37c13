use std::time::Duration;

use crate::Generation;

/// What kind of server it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The release that it plays.
    pub generation: Generation,
    /// Whether it has `POST /api/v1/pipelines/preview`. What a preview gives out is not served: that is for whoever runs it.
    pub previews: bool,
    /// The resolution of `created_at`: one second on SQLite, by which rows are skipped at the border of two pages.
    pub created_at_resolution: Duration,
    /// How long a job is Failing before it is Failed; 5 s on a real server. At 0.15 it is not.
    pub failing_pause: Duration,
    /// How long a job is Recovering at first; it grows with each failure. At 0.15 that is up to the scheduler.
    pub recovering_pause: Duration,
    /// How many runs may fail, the first one included, until the job does; 20 on a real server. A job with 2 recovers once. At 0.15 the first
    /// run does not count.
    pub allowed_restarts: u32,
    /// How many subtasks can be scheduled; a job with more stays in Scheduling. 16 on a real server with the embedded scheduler.
    pub slots: Option<u32>,
    /// The greatest parallelism: a request that would run a pipeline with more is refused. A real server has no such limit.
    pub most_subtasks: Option<u32>,
    /// Whether the next `PATCH` of any kind after a restart causes one more restart, as on a real server.
    pub patch_repeats_restart: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            generation: Generation::default(),
            previews: true,
            created_at_resolution: Duration::from_secs(1),
            failing_pause: Duration::from_secs(5),
            recovering_pause: Duration::from_secs(6),
            allowed_restarts: 20,
            slots: None,
            most_subtasks: None,
            patch_repeats_restart: true,
        }
    }
}
