//! The deadline of a request: one timer for all that is waited for.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Goes off at the deadline, if there is one.
pub(crate) type Alarm = Option<Sleep>;

pub(crate) fn alarm_at(deadline: Option<Instant>) -> Alarm {
    deadline.map(sleep_until)
}

/// `None` when the alarm goes off first. The work is pinned by the caller: taken by value, it would be in memory twice.
pub(crate) async fn until<T>(
    mut alarm: Pin<&mut Alarm>,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    poll_fn(|context| {
        // What is done at the deadline is done.
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        match alarm.as_mut().as_pin_mut() {
            Some(sleep) => sleep.poll(context).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}
