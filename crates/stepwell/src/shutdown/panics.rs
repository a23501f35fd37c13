//! A stop that panics takes no other stop with it.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// Drives `work`, and returns the message if it panics: a transport is not ours.
pub(super) async fn caught<T>(work: impl Future<Output = T> + Send) -> Result<T, String> {
    let mut work = pin!(work);
    poll_fn(|waker| {
        // After a panic the work is dropped and never polled again.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(waker))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(message(&*panic))),
        }
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
