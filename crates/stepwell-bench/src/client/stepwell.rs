//! stepwell itself.

use stepwell::{PipelineSpec, Resolution, SharedTransport, Shutdown, Submission};

use super::floor::Failure;

/// Submits, from `connect` to Running, and leaves the pipeline alone.
///
/// # Errors
///
/// When a step fails.
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

/// Finds the pipeline with the query of `spec` and resumes it; it is Running already.
///
/// # Errors
///
/// When a step fails, or the pipeline is not there.
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
        Resolution::Created(_) => Err("it was created and not found".into()),
    }
}
