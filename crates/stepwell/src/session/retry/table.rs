//! The table that decides what to do about a failure, by the kind of request and the kind of failure.

use std::time::Duration;

use stepwell_arroyo::ClientError;

use super::Failure;

/// The kind of a request, as far as it matters for a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The first request, which finds out whether there is an Arroyo API at all.
    Ping,
    /// A read from a server that has answered before.
    Read,
    /// A read that leads to a decision that cannot be undone, so that only an answer of the API itself counts.
    Find,
    /// A poll of a job, which is repeated anyway.
    Look,
    /// A `PATCH` that resumes. It sets desired state, so repeating it is safe.
    Patch,
    /// A `PATCH` that stops. If it is lost, the pipeline keeps running after this process has exited.
    Stop,
    /// A `DELETE`.
    Delete,
    /// A restart, which is not idempotent: each one begins a new run.
    Restart,
    /// A create under an id that we chose: it may be repeated under that id.
    Put,
    /// A create whose id the server chooses: a second one creates a second pipeline.
    Post,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send the create with the other method at once.
    OtherWay,
    /// Send the same request again after a pause.
    Again,
    /// The request may have taken effect: find out first.
    Settle,
    GiveUp,
}

impl Request {
    /// What to do when the request has failed with this error.
    pub(crate) fn next(self, error: &ClientError) -> Next {
        next(self, Failure::of(error))
    }
}

fn next(request: Request, failure: Failure) -> Next {
    use Failure::{
        AlreadyThere, Busy, CannotBeSent, Credentials, Gone, NoAnswer, NotAllowed, NotSent,
        OtherPipeline, Page, Refused, ServerError, Unreadable, Unrouted, Unusable,
    };
    use Next::{Again, GiveUp, OtherWay, Settle};

    match request {
        Request::Ping => match failure {
            NotSent | NoAnswer | Busy | ServerError => Again,
            _ => GiveUp,
        },
        Request::Read | Request::Patch => match failure {
            NotSent | NoAnswer | Busy | ServerError | Page | OtherPipeline => Again,
            _ => GiveUp,
        },
        // A gateway gives all sorts of answers while the server behind it is being replaced.
        Request::Find | Request::Delete => match failure {
            NotSent | NoAnswer | Busy | ServerError | Page | Unreadable | OtherPipeline
            | Unrouted => Again,
            _ => GiveUp,
        },
        Request::Stop => match failure {
            NotSent | NoAnswer | Busy | ServerError | Page | Unreadable | OtherPipeline
            | Unrouted | Gone => Again,
            _ => GiveUp,
        },
        Request::Look => match failure {
            Credentials => GiveUp,
            _ => Again,
        },
        Request::Restart => match failure {
            NotSent => Again,
            NoAnswer | Busy | ServerError | Page | OtherPipeline => Settle,
            _ => GiveUp,
        },
        Request::Put => match failure {
            NotSent | Busy => Again,
            NotAllowed => OtherWay,
            AlreadyThere | NoAnswer | Unusable | ServerError | Page | Unreadable
            | OtherPipeline => Settle,
            CannotBeSent | Credentials | Gone | Unrouted | Refused => GiveUp,
        },
        Request::Post => match failure {
            NotSent | Busy => Again,
            NoAnswer | Unusable | ServerError | Page | Unreadable | OtherPipeline => Settle,
            CannotBeSent | Credentials | Gone | Unrouted | NotAllowed | AlreadyThere | Refused => {
                GiveUp
            }
        },
    }
}

impl Request {
    /// The first and the longest pause between two attempts. `ceiling` bounds the pauses between polls.
    pub(super) fn pauses(self, ceiling: Duration) -> (Duration, Duration) {
        let (first, longest) = match self {
            Self::Ping | Self::Read | Self::Find => (50, 1_000),
            Self::Look => return (Duration::from_millis(50), ceiling),
            Self::Patch | Self::Stop | Self::Delete | Self::Restart => (100, 2_000),
            Self::Put | Self::Post => (200, 2_000),
        };
        (Duration::from_millis(first), Duration::from_millis(longest))
    }

    /// Whether the request changes something. It then gets its full timeout, even past the deadline, because the server aborts a request
    /// midway when its connection closes.
    pub(super) fn is_write(self) -> bool {
        match self {
            Self::Ping | Self::Read | Self::Find | Self::Look => false,
            Self::Patch | Self::Stop | Self::Delete | Self::Restart | Self::Put | Self::Post => {
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITES: [Request; 6] = [
        Request::Patch,
        Request::Stop,
        Request::Delete,
        Request::Restart,
        Request::Put,
        Request::Post,
    ];

    const READS: [Request; 4] = [Request::Ping, Request::Read, Request::Find, Request::Look];

    const IN_DOUBT: [Failure; 6] = [
        Failure::OtherPipeline,
        Failure::NoAnswer,
        Failure::Unusable,
        Failure::ServerError,
        Failure::Page,
        Failure::Unreadable,
    ];

    #[test]
    fn what_never_left_is_sent_again_whatever_it_is() {
        for request in WRITES {
            assert_eq!(next(request, Failure::NotSent), Next::Again, "{request:?}");
        }
    }

    #[test]
    fn a_busy_server_is_waited_for_whatever_is_sent() {
        for request in WRITES.into_iter().chain(READS) {
            let next = next(request, Failure::Busy);
            assert!(matches!(next, Next::Again | Next::Settle), "{request:?}");
        }
    }

    #[test]
    fn what_counts_is_never_repeated_blindly() {
        for failure in IN_DOUBT {
            assert!(!failure.changed_nothing());
            for request in [Request::Put, Request::Post] {
                assert_eq!(next(request, failure), Next::Settle, "{request:?}");
            }
            let restart = next(Request::Restart, failure);
            assert!(
                matches!(restart, Next::Settle | Next::GiveUp),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn refused_credentials_end_everything() {
        for request in WRITES.into_iter().chain(READS) {
            assert_eq!(next(request, Failure::Credentials), Next::GiveUp);
        }
    }
}
