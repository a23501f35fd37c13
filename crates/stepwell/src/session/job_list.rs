//! The list of all jobs, which the waits over one transport read for each other: see [`JobList`].

use std::{collections::HashMap, fmt, pin::pin, sync::Arc, time::Duration};

use stepwell_arroyo::{Client, ClientError, Job, JobId, PipelineId};
use stepwell_transport::TransportErrorKind;
use tokio::{sync::watch, time::Instant};

use super::{
    after,
    jitter::{Draw, Jitter},
    retry::{Backoff, Failure},
    unless,
};

/// Fewer waits poll their jobs by themselves.
const FEWEST: usize = 3;

/// A longer list costs the server more than a request for each job that is watched.
const ROWS_PER_WAIT: usize = 20;

/// How long the length of a list that did not pay is believed.
const LENGTH_BELIEVED_FOR: Duration = Duration::from_secs(60);

/// How long a 404 or 405 is believed: it may come from one old node among several.
const WITHOUT_LIST: Duration = Duration::from_secs(5 * 60);

/// How long the list is not used after it failed in another way that does not concern the jobs themselves.
const UNUSED_FOR: Duration = Duration::from_secs(30);

/// How long a read may take, unless the one before took half as long: the jobs are polled one by one until it ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// However soon the next read is due, a list is taken for current for this long.
const CURRENT_FOR: Duration = Duration::from_secs(1);

/// The first and the longest pause after a failed read.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];

/// So many reads in a row may be dropped together with all waits before the jobs are polled one by one: the waits may be too short.
const CUTS: u32 = 3;

/// The list of all jobs of a server (`GET /api/v1/jobs`), for the waits that watch many of them over one transport.
///
/// A wait that is due begins a read unless one is under way, and all of them take from it what it shows. The read is a task, so that a wait
/// that is dropped or no longer polled holds up no other one. The task ends with the last wait.
#[derive(Default)]
pub(crate) struct JobList {
    /// What the waits are told about. Each has a receiver, and their number is the number of waits.
    state: watch::Sender<State>,
}

/// One read of the list.
#[derive(Debug)]
pub(crate) struct Listing {
    began: Instant,
    pub(crate) ended: Instant,
    rows: HashMap<JobId, Job>,
    /// Spreads the next reads of several processes, and is the same for all waits of this one.
    draw: Draw,
}

/// A read that failed as every request to the server may fail.
#[derive(Clone, Debug)]
pub(crate) struct FailedRead {
    /// The number of the read.
    pub(crate) number: u64,
    pub(crate) error: ClientError,
    /// How many have failed in a row.
    pub(crate) in_a_row: u32,
    took: Duration,
    ended: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    listing: Option<Arc<Listing>>,
    /// The number of the last read, when it began, and when it is given up; `None` if it has ended.
    under_way: Option<(u64, Instant, Instant)>,
    reads: u64,
    failed: Option<FailedRead>,
    backoff: Option<Backoff>,
    /// How many reads have been dropped in a row.
    cuts: u32,
    /// Whether the last list was much shorter than the one before it.
    is_doubted: bool,
    /// After a failure.
    not_before: Option<Instant>,
    /// The list does not work, and the jobs are polled one by one.
    unused_until: Option<Instant>,
}

impl JobList {
    /// A wait counts for as long as it holds the receiver, which tells it of every read that has ended.
    pub(crate) fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Whether the waits share the list: there are enough of them, and it works.
    pub(crate) fn is_shared(&self) -> bool {
        let waits = self.state.receiver_count();
        let state = self.state.borrow();
        let pays = state.listing.as_ref().is_none_or(|listing| {
            listing.rows.len() <= ROWS_PER_WAIT.saturating_mul(waits)
                || listing.ended.elapsed() >= LENGTH_BELIEVED_FOR
        });
        let works = state.unused_until.is_none_or(has_passed);
        waits >= FEWEST && pays && works && !state.is_slow()
    }

    /// How long a wait may wait for a read.
    pub(crate) fn patience(&self) -> Duration {
        self.state.borrow().patience()
    }

    /// A current list that was requested after `observed`.
    pub(crate) fn listing(&self, observed: Instant, ceiling: Duration) -> Option<Arc<Listing>> {
        let state = self.state.borrow();
        let listing = state.listing.as_ref()?;
        let until = listing.next(ceiling).max(listing.ended + CURRENT_FOR);
        let counts = listing.began > observed && !has_passed(until);
        counts.then(|| Arc::clone(listing))
    }

    /// The failure that a wait shares which has waited since `asked`, and would have waited for `timeout` by itself.
    pub(crate) fn failed(&self, asked: Instant, timeout: Duration) -> Option<FailedRead> {
        let state = self.state.borrow();
        let failed = state.failed.as_ref()?;
        let is_shared = failed.took >= timeout
            || failed.error.transport_error_kind() != Some(TransportErrorKind::TimedOut);
        (failed.ended >= asked && is_shared).then(|| failed.clone())
    }

    /// When the next read is due for a wait with this longest pause between two polls.
    pub(crate) fn due(&self, ceiling: Duration) -> Option<Instant> {
        let state = self.state.borrow();
        let next = state.listing.as_ref().map(|listing| listing.next(ceiling));
        next.max(state.not_before)
    }

    /// Begins a read and returns its number, unless one is under way.
    pub(crate) fn begin(
        list: &Arc<Self>,
        client: &Client,
        timeout: Duration,
        jitter: &Jitter,
    ) -> Option<u64> {
        let began = Instant::now();
        let mut number = None;
        // The waits are told of reads that have ended only.
        list.state.send_if_modified(|state| {
            let is_under_way = state
                .under_way
                .is_some_and(|(.., given_up)| !has_passed(given_up));
            if !is_under_way {
                state.reads += 1;
                // Its task may belong to a runtime that is no longer driven.
                let given_up = after(after(began, timeout), PATIENCE);
                state.under_way = Some((state.reads, began, given_up));
                number = Some(state.reads);
            }
            false
        });
        let read = Read {
            list: Arc::clone(list),
            number: number?,
            began,
            jitter: jitter.clone(),
        };
        let client = client.within(timeout);
        tokio::spawn(async move {
            let jobs = pin!(client.all_jobs());
            if let Some(jobs) = unless(read.list.state.closed(), jobs).await {
                read.ended(jobs);
            }
        });
        number
    }

    /// Records that the server has answered about a job while the list fails.
    pub(crate) fn is_at_fault(&self) {
        self.state.send_modify(|state| state.is_unused(UNUSED_FOR));
    }
}

impl Listing {
    /// The job of this pipeline; `None` if the list lacks it. A server up to 0.15 does not say whose job it is.
    pub(crate) fn job(&self, job: &JobId, pipeline: &PipelineId) -> Option<&Job> {
        let row = self.rows.get(job)?;
        let is_its = row.pipeline_id.as_ref().is_none_or(|id| id == pipeline);
        is_its.then_some(row)
    }

    /// When the next read is due. The pause is jittered around `ceiling`, and leaves a slow server three quarters of its time.
    fn next(&self, ceiling: Duration) -> Instant {
        let pause = self.draw.quarter(ceiling.saturating_mul(5) / 4);
        after(self.ended, pause.max(self.took() * 3))
    }

    fn took(&self) -> Duration {
        self.ended - self.began
    }
}

impl State {
    fn patience(&self) -> Duration {
        let took = self.listing.as_ref().map(|listing| listing.took());
        PATIENCE.max(took.unwrap_or_default() * 2)
    }

    fn is_slow(&self) -> bool {
        let began = self.under_way.map(|(_, began, _)| began);
        began.is_some_and(|began| began.elapsed() >= self.patience())
    }

    fn is_unused(&mut self, duration: Duration) {
        self.unused_until = Some(after(Instant::now(), duration));
    }

    /// Ends the read with this number, unless it has been given up.
    fn end(&mut self, number: u64) -> bool {
        let is_current = self
            .under_way
            .is_some_and(|(current, ..)| current == number);
        if is_current {
            self.under_way = None;
        }
        is_current
    }

    fn succeeded(&mut self, listing: Listing) {
        self.failed = None;
        self.backoff = None;
        self.cuts = 0;
        let before = self.listing.as_ref().map_or(0, |before| before.rows.len());
        // A node that lags behind, or has just begun to read: one such list proves nothing about all that it lacks.
        self.is_doubted = !self.is_doubted && listing.rows.len() * 2 < before;
        self.not_before = self
            .is_doubted
            .then(|| listing.ended + listing.draw.quarter(PAUSES[1]));
        if !self.is_doubted {
            self.listing = Some(Arc::new(listing));
        }
    }

    fn failed(&mut self, failed: FailedRead, jitter: &Jitter) {
        match Failure::of(&failed.error) {
            Failure::Gone | Failure::Unrouted | Failure::NotAllowed => self.is_unused(WITHOUT_LIST),
            Failure::NotSent
            | Failure::CannotBeSent
            | Failure::NoAnswer
            | Failure::Busy
            | Failure::ServerError
            | Failure::Page => {
                let [first, longest] = PAUSES;
                let backoff = self.backoff.get_or_insert(Backoff::new(first, longest));
                let pause = backoff.retry(failed.error.retry_after(), jitter);
                self.not_before = Some(failed.ended + pause);
                self.failed = Some(failed);
            }
            // A poll of one job may well succeed.
            Failure::Unusable
            | Failure::Unreadable
            | Failure::OtherPipeline
            | Failure::Credentials
            | Failure::AlreadyThere
            | Failure::Refused => self.is_unused(UNUSED_FOR),
        }
    }
}

/// A read that is under way.
struct Read {
    list: Arc<JobList>,
    number: u64,
    began: Instant,
    jitter: Jitter,
}

impl Read {
    fn ended(&self, jobs: Result<Vec<Job>, ClientError>) {
        let (began, ended) = (self.began, Instant::now());
        self.list.state.send_modify(|state| {
            if !state.end(self.number) {
                return;
            }
            match jobs {
                Ok(jobs) => state.succeeded(Listing {
                    began,
                    ended,
                    rows: jobs.into_iter().map(|job| (job.id.clone(), job)).collect(),
                    draw: self.jitter.draw(),
                }),
                Err(error) => {
                    let before = state.failed.as_ref().map_or(0, |failed| failed.in_a_row);
                    let failed = FailedRead {
                        number: self.number,
                        error,
                        in_a_row: before.saturating_add(1),
                        took: ended - began,
                        ended,
                    };
                    state.failed(failed, &self.jitter);
                }
            }
        });
    }
}

impl Drop for Read {
    /// It was dropped with the last wait or with its runtime, or its transport has panicked.
    fn drop(&mut self) {
        self.list.state.send_if_modified(|state| {
            let is_cut = state.end(self.number);
            if is_cut {
                state.cuts += 1;
            }
            if state.cuts >= CUTS {
                state.cuts = 0;
                state.is_unused(UNUSED_FOR);
            }
            is_cut
        });
    }
}

/// Without the jobs, which are as many as the server has.
impl fmt::Debug for JobList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JobList")
            .field("waits", &self.state.receiver_count())
            .finish_non_exhaustive()
    }
}

fn has_passed(at: Instant) -> bool {
    Instant::now() >= at
}
