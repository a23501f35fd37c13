//! Work that an event ends.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

/// Drives `work` to completion, unless the event happens first. The caller pins the work: taken by value, it would be in memory twice.
pub(crate) async fn unless<T>(
    event: impl Future<Output = ()>,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    let mut event = pin!(event);
    poll_fn(|waker| {
        // Polled first, so that the work does nothing more after it.
        if event.as_mut().poll(waker).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(waker).map(Some)
    })
    .await
}
