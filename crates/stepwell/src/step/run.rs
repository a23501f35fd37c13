use stepwell_arroyo::{Job, PipelineId};

use super::wait::WaitError;
use crate::{Running, Submission, Unconnected, error::Error};

/// How a submission came to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The pipeline runs.
    Running(Submission<Running>),
    /// The pipeline has finished already: a finite job can be over before any poll sees it Running, and that is no failure.
    Finished(Finished),
}

/// A pipeline that has finished.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The pipeline.
    pub id: PipelineId,
    /// The job at its end.
    pub job: Job,
}

impl Submission<Unconnected> {
    /// Takes all steps: connect, validate, resolve, register, wait until running.
    ///
    /// # Errors
    ///
    /// The error of the step that failed. The submission is gone with it; what it had sent is with its
    /// [`Shutdown`](crate::Shutdown), and a new submission of the same spec finds it. For another try of one step call the steps
    /// yourself.
    ///
    /// # Cancel safety
    ///
    /// As [`resolve`](Submission::resolve).
    pub async fn run(self) -> Result<Outcome, Error> {
        let registered = self
            .connect()
            .await?
            .validate()
            .await?
            .resolve()
            .await?
            .register();
        match registered.wait_until_running().await {
            Ok(running) => Ok(Outcome::Running(running)),
            Err(failure) => match failure.into_error() {
                Error::Wait {
                    source: WaitError::Finished { id, job },
                } => Ok(Outcome::Finished(Finished { id, job: *job })),
                error => Err(error),
            },
        }
    }
}
