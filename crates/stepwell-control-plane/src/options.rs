use std::time::Duration;

/// What kind of server it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Whether it has `PUT /api/v1/pipelines/{id}`; servers up to 0.15 answer 405.
    pub put: bool,
    /// Whether it has `POST /api/v1/pipelines/preview`. What a preview gives out is not served: that is for whoever runs it.
    pub previews: bool,
    /// The resolution of `created_at`: one second on SQLite, by which rows are skipped at the border of two pages.
    pub created_at_resolution: Duration,
    /// How long a job is Failing before it is Failed; 5 s on a real server.
    pub failing_pause: Duration,
    /// How long a job is Recovering at first; it grows with each failure.
    pub recovering_pause: Duration,
    /// How many runs may fail, the first one included, until the job does; 20 on a real server. A job with 2 recovers once.
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
            put: true,
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
