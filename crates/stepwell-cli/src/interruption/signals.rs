//! Listening for signals, and work that ends at the first one.
//!
//! The default action would not do: a process with PID 1, as in a container, is not ended by a signal that it does not handle.

use std::{future::Future, time::Duration};

use snafu::ResultExt;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

use super::Interruption;
use crate::{
    exit::Exit,
    failure::{Failure, InterruptedSnafu, SignalsSnafu},
};

/// A second signal counts only after this time: one Ctrl-C can arrive twice, because `timeout -s INT` also sends it to the process group.
const SECOND_COUNTS_AFTER: Duration = Duration::from_millis(200);

/// Does the work unless a signal comes first, which drops the work at once.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    Interruptions::listen()?.unless_interrupted(work).await
}

/// The signals since this was created.
pub(crate) struct Interruptions {
    hangup: Option<Signal>,
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Interruptions {
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {
            hangup: listen(Interruption::Hangup)?,
            interrupt: listen(Interruption::Interrupt)?,
            terminate: listen(Interruption::Terminate)?,
        })
    }

    /// As [`unless_interrupted`].
    pub(crate) async fn unless_interrupted<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.unless_interrupted_with(None, work).await
    }

    /// As [`unless_interrupted`](Self::unless_interrupted), with words for what the signal leaves behind.
    pub(crate) async fn unless_interrupted_leaving<T>(
        &mut self,
        left: String,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.unless_interrupted_with(Some(left), work).await
    }

    /// Does the work unless a signal comes first, which is how it is meant to end.
    pub(crate) async fn until_interrupted(
        &mut self,
        work: impl Future<Output = Result<Exit, Failure>>,
    ) -> Result<Exit, Failure> {
        tokio::select! {
            biased;
            _ = self.next() => Ok(Exit::Success),
            result = work => result,
        }
    }

    async fn unless_interrupted_with<T>(
        &mut self,
        left: Option<String>,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            signal = self.next() => InterruptedSnafu { signal, left }.fail(),
            result = work => result,
        }
    }

    /// Does the work unless two signals come first. `first` is called for the first one and returns the words for what the second one
    /// leaves behind.
    pub(crate) async fn unless_interrupted_twice<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
        first: impl FnOnce(Interruption) -> String,
    ) -> Result<T, Failure> {
        let twice = async {
            let left = Some(first(self.next().await));
            let signal = second(self).await;
            InterruptedSnafu { signal, left }.fail()
        };
        tokio::select! {
            biased;
            interrupted = twice => interrupted,
            result = work => result,
        }
    }
}

/// A source of signals.
pub(super) trait Signals: Send {
    /// Returns the next signal. Cancel safe.
    fn next(&mut self) -> impl Future<Output = Interruption> + Send;
}

impl Signals for Interruptions {
    async fn next(&mut self) -> Interruption {
        tokio::select! {
            () = received(&mut self.interrupt) => Interruption::Interrupt,
            () = received(&mut self.terminate) => Interruption::Terminate,
            () = received(&mut self.hangup) => Interruption::Hangup,
        }
    }
}

/// Returns the next signal that counts as a second one, after the first has just come.
pub(super) async fn second(signals: &mut impl Signals) -> Interruption {
    let counts = Instant::now() + SECOND_COUNTS_AFTER;
    loop {
        let signal = signals.next().await;
        if Instant::now() >= counts {
            return signal;
        }
    }
}

/// Returns `None` if the signal is already ignored, as under `nohup` or in the background of a script: it stays ignored.
fn listen(interruption: Interruption) -> Result<Option<Signal>, Failure> {
    if is_ignored(interruption) {
        return Ok(None);
    }
    let kind = SignalKind::from_raw(interruption.number().into());
    signal(kind).context(SignalsSnafu).map(Some)
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether the process was started with this signal ignored. Without `unsafe` code only Linux can tell.
fn is_ignored(interruption: Interruption) -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| ignored(&status) >> (interruption.number() - 1) & 1 == 1)
}

/// Parses the set of ignored signals from `/proc/self/status`.
fn ignored(status: &str) -> u64 {
    let mut lines = status.lines();
    lines
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signals by number, each with the milliseconds before it.
    struct Scripted(std::array::IntoIter<(u64, u8), 4>);

    impl Signals for Scripted {
        async fn next(&mut self) -> Interruption {
            let (after, number) = self.0.next().unwrap();
            tokio::time::sleep(Duration::from_millis(after)).await;
            match number {
                1 => Interruption::Hangup,
                2 => Interruption::Interrupt,
                _ => Interruption::Terminate,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_counts_when_it_is_not_an_echo_of_the_first() {
        let mut signals = Scripted([(0, 2), (1, 2), (198, 15), (1, 1)].into_iter());
        assert_eq!(signals.next().await, Interruption::Interrupt);
        assert_eq!(second(&mut signals).await, Interruption::Hangup);
    }

    #[test]
    fn the_ignored_signals_are_read_from_the_status_of_the_process() {
        let status = "Name:\tstepwell\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000440\n";
        assert_eq!(ignored(status), 0x1001);
        assert_eq!(ignored("Name:\tstepwell\n"), 0);
    }
}
