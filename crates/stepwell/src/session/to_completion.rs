//! Requests that change something run to completion: see [`to_completion`].

use std::future::Future;

use stepwell_arroyo::ClientError;

/// Drives `write` to completion in a task of its own, even if the caller is dropped.
///
/// A server aborts a request midway when its connection closes (of 120 creates cut within 40 ms, 57 left nothing and 63 a whole pipeline),
/// so a write is either not started or awaited. Only the end of the runtime cuts it; `cut_off` is the error of that.
pub(crate) fn to_completion<T: Send + 'static>(
    write: impl Future<Output = Result<T, ClientError>> + Send + 'static,
    cut_off: impl FnOnce() -> ClientError + Send,
) -> impl Future<Output = Result<T, ClientError>> + Send {
    // Not in the future that is returned, which would hold it once more.
    let task = tokio::spawn(write);
    async {
        match task.await {
            Ok(outcome) => outcome,
            // A panic in a transport is resumed where the caller can see it.
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // This future is driven by another runtime, or has outlived its own.
                Err(_) => Err(cut_off()),
            },
        }
    }
}
