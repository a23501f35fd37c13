//! What can happen to a request: the columns of the matrix.

use crate::{
    Chance,
    purpose::{PURPOSES, Purpose},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Nothing.
    None,
    /// No connection is made.
    Refused,
    /// The connection closes before it took effect.
    LostBefore,
    /// The connection closes after it took effect.
    LostAfter,
    /// Its sender has given it up long ago.
    CommittedLate,
    /// The row is written, its job is not.
    CutMidway,
    /// It took effect, and the reply does not come in time.
    ReplyTooLate,
    SlowRequest,
    SlowReply,
    /// Something on the way sends it twice; never a `POST` that creates.
    Duplicated,
    Error500,
    Error502,
    Error503,
    /// A page of some gateway, with 200.
    Html,
    EmptyReply,
    TruncatedReply,
    /// The server goes down with the request in its hands, and comes back.
    ServerRestart,
    /// The server is down.
    ServerDown,
    /// The row that the page should begin after is deleted.
    CursorDeleted,
    /// The future of the step is dropped.
    CallerGone,
    /// The process is told to end.
    Signal,
}

/// The columns, in order.
pub const FAULTS: [Fault; 20] = [
    Fault::Refused,
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::CommittedLate,
    Fault::CutMidway,
    Fault::ReplyTooLate,
    Fault::SlowRequest,
    Fault::SlowReply,
    Fault::Duplicated,
    Fault::Error500,
    Fault::Error502,
    Fault::Error503,
    Fault::Html,
    Fault::EmptyReply,
    Fault::TruncatedReply,
    Fault::ServerRestart,
    Fault::ServerDown,
    Fault::CursorDeleted,
    Fault::CallerGone,
    Fault::Signal,
];

impl Fault {
    /// Whether it can happen to such a request.
    pub fn concerns(self, purpose: Purpose) -> bool {
        match self {
            Self::CutMidway => purpose.creates(),
            Self::Duplicated => purpose != Purpose::CreateByPost,
            Self::CursorDeleted => purpose == Purpose::NextPage,
            // Stopping is what the signal is for, and these are sent by it.
            Self::CallerGone | Self::Signal => {
                !matches!(purpose, Purpose::Stop | Purpose::Checkpoints)
            }
            _ => true,
        }
    }

    /// What happens to a request when things go wrong for so many of a hundred.
    pub fn draw(purpose: Purpose, trouble: u64, chance: &mut Chance) -> Self {
        if !chance.percent((trouble * purpose.weight()).min(85)) {
            return Self::None;
        }
        let drawn = FAULTS[usize::try_from(chance.below(FAULTS.len() as u64)).unwrap()];
        // It is down by itself only.
        if drawn.concerns(purpose) && drawn != Self::ServerDown {
            drawn
        } else {
            Self::LostAfter
        }
    }
}

/// What a run is about: one fault for one kind of request, so that each meets each often enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Focus {
    pub purpose: Purpose,
    pub fault: Fault,
}

impl Focus {
    /// In turn, so that no cell depends on chance alone.
    pub fn of_seed(seed: u64) -> Self {
        let mut cells = Vec::new();
        for purpose in PURPOSES {
            // The less often a run comes to it, the more runs are about it.
            let share = match purpose {
                Purpose::Delete => 14,
                Purpose::Errors | Purpose::Restart => 12,
                Purpose::CreateByPost | Purpose::Start | Purpose::Checkpoints => 6,
                Purpose::NextPage | Purpose::CreateByPut | Purpose::Stop => 3,
                _ => 1,
            };
            for fault in FAULTS.into_iter().filter(|fault| fault.concerns(purpose)) {
                // These come by themselves the least.
                let twice = matches!(fault, Fault::ServerDown | Fault::Signal);
                let cell = Self { purpose, fault };
                cells.extend(std::iter::repeat_n(cell, share * (1 + usize::from(twice))));
            }
        }
        let turn = seed % cells.len() as u64;
        cells[usize::try_from(turn).unwrap()]
    }
}
