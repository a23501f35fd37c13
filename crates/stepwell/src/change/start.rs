//! Starting a pipeline that exists, whatever its query: by the table of [`ResumePlan`](crate::resolve::resume_plan::ResumePlan).

use stepwell_arroyo::{JobState, PipelineId};
use tokio::time::Instant;

use super::{Change, ChangeError, look::Looking};
use crate::{
    error::Error,
    job::{
        record::Expected,
        verdict::{Baseline, TWO_TICKS},
    },
    observe::Step,
    resolve::resume::{ResumeOutcome, Resuming},
    session::{Deadline, Session},
};

/// Starts the pipeline, and returns what its run is judged against.
pub(crate) async fn start(
    session: &Session,
    id: &PipelineId,
    deadline: &Deadline,
) -> Result<Baseline, Error> {
    let looking = Looking {
        session,
        id,
        change: Change::Start,
        deadline,
        // How the run before has ended is no trouble of the one to come.
        expected: Expected::nothing(),
    };
    loop {
        let read_at = Instant::now();
        let (pipeline, job) = looking.both().await?;
        let state = job.as_ref().map(|job| &job.state);
        if state == Some(&JobState::Finished) {
            return Err(ChangeError::Finished { id: id.clone() }.into());
        }
        // A restart that an earlier call has sent may not show yet, and a second one would restart the job again.
        let since_start = session.sight.since_start();
        if let Some(elapsed) = since_start.filter(|elapsed| *elapsed < TWO_TICKS)
            && state == Some(&JobState::Failed)
            && !deadline.is_over()
        {
            deadline.sleep(TWO_TICKS.saturating_sub(elapsed)).await;
            continue;
        }
        let resuming = Resuming {
            session,
            step: Step::Start,
            parallelism: None,
            pipeline: &pipeline,
            job: job.as_ref(),
            read_at,
            deadline,
            adopted: false,
            started_here: false,
        };
        if let ResumeOutcome::Done { baseline, .. } = Box::pin(resuming.run()).await? {
            session.goes_on(id);
            return Ok(baseline);
        }
    }
}
