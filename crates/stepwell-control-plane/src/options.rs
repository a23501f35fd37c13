use std::time::Duration;

use crate::Generation;

/// What kind of server to model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The release.
    pub generation: Generation,
    /// Whether the server has `POST /api/v1/pipelines/preview`. The output of a preview is not served here; the embedding server has to do
    /// that.
    pub previews: bool,
    /// The resolution of `created_at`. It is one second on SQLite, which makes the cursor skip rows at the border of two pages.
    pub created_at_resolution: Duration,
    /// How long a job is Failing before it is Failed: 5 s on a real server. 0.15 has no such state.
    pub failing_pause: Duration,
    /// How long a job is Recovering at first; the time grows with each failure. In 0.15 it depends on the scheduler.
    pub recovering_pause: Duration,
    /// How many runs, including the first one, may fail before the job does: 20 on a real server. With 2, a job recovers once. 0.15 does
    /// not count the first run.
    pub allowed_restarts: u32,
    /// How many subtasks can be scheduled; a job with more stays in Scheduling. A real server with the embedded scheduler has 16.
    pub slots: Option<u32>,
    /// The maximum parallelism: a request for more is refused. A real server has no such limit.
    pub most_subtasks: Option<u32>,
    /// Whether the next `PATCH` of any kind after a restart causes another restart, as on a real server.
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
