//! Looks at a job through the list of all jobs that the waits over one transport share: see [`SharedLook`].

use std::{sync::Arc, time::Duration};

use stepwell_arroyo::{ClientError, Job, JobId};
use tokio::{
    sync::watch::Receiver,
    time::{Instant, timeout_at},
};

use super::watch::{Look, Watch};
use crate::session::{
    Requester, after,
    job_list::{JobList, Listing, State},
};

/// Polls that many waits would send in the same moment are spread over this time, or the longest pause between two polls if that is shorter.
const SPREAD: Duration = Duration::from_secs(1);

/// The looks of a wait for a job that runs steadily. While the list costs the server less, they are rows of it; otherwise they are polls of
/// the job alone.
pub(super) struct SharedLook {
    list: Arc<JobList>,
    /// Tells of each read that has ended, and counts this wait.
    news: Receiver<State>,
}

/// What the list has to say.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Found {
    Row {
        job: Job,
        at: Instant,
    },
    /// The read failed, and a poll of the job would have failed, too.
    Failed(ClientError),
    /// The list is not used.
    Alone,
    /// It was asked in vain, and perhaps by many waits.
    InVain,
    /// This wait has read the list, which failed again: is it the list or the server?
    Probe,
}

impl SharedLook {
    pub(super) fn new(requester: &Requester) -> Self {
        let list = Arc::clone(&requester.memory().jobs);
        Self {
            news: list.subscribe(),
            list,
        }
    }

    /// Looks once. The server may be silent for `left` before the wait fails.
    pub(super) async fn look(&mut self, watch: &mut Watch, left: Duration) -> Look {
        match self.find(watch, left).await {
            Found::Row { job, at } => watch.saw_in_list(job, at),
            Found::Failed(error) => watch.failed(error),
            Found::Alone => watch.look().await,
            Found::InVain => {
                let requester = watch.requester();
                let spread = SPREAD.min(requester.poll_ceiling).min(left / 4);
                let pause = requester.jitter.part_of(spread);
                watch.sleep(pause).await;
                watch.look().await
            }
            Found::Probe => {
                let look = watch.look().await;
                if matches!(look, Look::Job(_) | Look::NoJob) {
                    self.list.is_at_fault();
                }
                look
            }
        }
    }

    /// Sleeps, but not longer than until a list shows the job.
    pub(super) async fn sleep(&mut self, watch: &mut Watch, pause: Duration) {
        let until = after(Instant::now(), pause);
        loop {
            self.news.mark_unchanged();
            let listed = self.listed(watch);
            if listed.is_some_and(|(job, listing)| listing.job(&job, watch.id()).is_some()) {
                return;
            }
            let changed = timeout_at(until, self.news.changed());
            if watch.beside(changed).await.is_err() {
                return;
            }
        }
    }

    /// The job, and a current list that was requested after it was last observed.
    fn listed(&self, watch: &Watch) -> Option<(JobId, Arc<Listing>)> {
        let (job, observed) = watch.to_find_in_a_list()?;
        let ceiling = watch.requester().poll_ceiling;
        Some((job, self.list.listing(observed, ceiling)?))
    }

    /// Waits for the next read of the list, which this wait begins if it is due.
    async fn find(&mut self, watch: &mut Watch, left: Duration) -> Found {
        let (mut asked, mut read) = (None, None);
        loop {
            self.news.mark_unchanged();
            if watch.to_find_in_a_list().is_none() {
                return Found::Alone;
            }
            if let Some((job, listing)) = self.listed(watch) {
                let job = listing.job(&job, watch.id()).cloned();
                let at = listing.ended;
                // What the list lacks is not gone before the job's own reply says so.
                return job.map_or(Found::InVain, |job| Found::Row { job, at });
            }
            let (ceiling, timeout) = {
                let requester = watch.requester();
                (requester.poll_ceiling, requester.request_timeout)
            };
            if let Some(failed) = asked.and_then(|asked| self.list.failed(asked, timeout)) {
                let is_second = read == Some(failed.number) && failed.in_a_row > 1;
                return if is_second {
                    Found::Probe
                } else {
                    Found::Failed(failed.error)
                };
            }
            if !self.list.is_shared() {
                return asked.map_or(Found::Alone, |_| Found::InVain);
            }
            let now = Instant::now();
            let due = self.list.due(ceiling).filter(|due| *due > now);
            let until = if let Some(due) = due {
                due
            } else {
                let asked = *asked.get_or_insert(now);
                let until = asked + self.list.patience().min(left / 2);
                if until <= now {
                    return Found::InVain;
                }
                watch.asked();
                let requester = watch.requester();
                let (client, jitter) = (&requester.client, &requester.jitter);
                let began = JobList::begin(&self.list, client, timeout, jitter);
                read = began.or(read);
                until
            };
            // Either way, the state decides.
            let changed = timeout_at(until, self.news.changed());
            let _changed_or_due = watch.beside(changed).await;
        }
    }
}
