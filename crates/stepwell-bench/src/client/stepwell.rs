//! stepwell itself.

use stepwell::{PipelineSpec, Resolution, SharedTransport, Shutdown, Submission};

use super::floor::Failure;

/// Submits the pipeline, waits until it is running, and detaches.
///
/// # Errors
///
/// Fails if a step fails.
pub async fn submit(
    transport: &SharedTransport,
    shutdown: &Shutdown,
    spec: PipelineSpec,
) -> Result<(), Failure> {
    let running = Submission::builder(transport.clone(), spec)
        .shutdown(shutdown)
        .build()
        .connect()
        .await?
        .validate()
        .await?
        .resolve()
        .await?
        .register()
        .wait_until_running()
        .await?;
    running.detach();
    Ok(())
}

/// Finds the running pipeline with the query of `spec` and resumes it.
///
/// # Errors
///
/// Fails if a step fails, or if there is no such pipeline.
pub async fn find(
    transport: &SharedTransport,
    shutdown: &Shutdown,
    spec: PipelineSpec,
) -> Result<(), Failure> {
    let resolution = Submission::builder(transport.clone(), spec)
        .shutdown(shutdown)
        .build()
        .connect()
        .await?
        .validate()
        .await?
        .resolve()
        .await?;
    match resolution {
        Resolution::Resumed(resumed) => {
            resumed.register().detach();
            Ok(())
        }
        Resolution::Created(_) => Err("it was created, not found".into()),
    }
}
