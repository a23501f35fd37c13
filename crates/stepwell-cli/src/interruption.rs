//! Signals that ask the process to end.

mod orderly;
mod signals;

use std::fmt;

pub(crate) use self::{
    orderly::{FirstSignal, begin_shutdown_on_signal},
    signals::{Interruptions, unless_interrupted},
};

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The terminal was closed.
    Hangup,
    /// Ctrl-C.
    Interrupt,
    Terminate,
}

impl Interruption {
    /// The exit code that shells use for a process ended by this signal: 128 plus the number of the signal.
    pub(crate) fn exit_code(self) -> u8 {
        128 + self.number()
    }

    /// What a second signal does.
    pub(crate) fn again(self) -> &'static str {
        match self {
            Self::Interrupt => "press Ctrl-C again to quit immediately",
            Self::Hangup | Self::Terminate => "a second signal quits immediately",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_codes_are_those_of_a_shell() {
        let signals = [
            Interruption::Hangup,
            Interruption::Interrupt,
            Interruption::Terminate,
        ];
        assert_eq!(signals.map(Interruption::exit_code), [129, 130, 143]);
    }
}
