//! How many rows the runs of a job have read and written, for the status pages.
//!
//! The counts cover all runs of a job since the engine was started and are not stored. A row that is printed again after a crash counts
//! again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use stepwell_arroyo::JobId;

/// The counts of one job.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Empty until a source counts for the first time: uncounted is not 0.
    rows_in: OnceLock<AtomicU64>,
    rows_out: AtomicU64,
}

impl Counters {
    /// Adds rows that came from a source.
    pub(crate) fn take_in(&self, rows: u64) {
        add(self.rows_in.get_or_init(AtomicU64::default), rows);
    }

    /// Adds rows that went to sinks.
    pub(crate) fn give_out(&self, rows: u64) {
        add(&self.rows_out, rows);
    }

    /// `None`: no source counts them.
    pub(crate) fn rows_in(&self) -> Option<u64> {
        Some(self.rows_in.get()?.load(Ordering::Relaxed))
    }

    pub(crate) fn rows_out(&self) -> u64 {
        self.rows_out.load(Ordering::Relaxed)
    }
}

fn add(count: &AtomicU64, rows: u64) {
    count.fetch_add(rows, Ordering::Relaxed);
}

/// The counts of all jobs that have run since the engine was started. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobCounters {
    jobs: Arc<Mutex<HashMap<JobId, Arc<Counters>>>>,
}

impl JobCounters {
    /// The counts of a job that is about to run.
    pub(crate) fn of(&self, job: &JobId) -> Arc<Counters> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(jobs.entry(job.clone()).or_default())
    }

    /// The counts of a job; `None`: it has not run.
    pub(crate) fn find(&self, job: &JobId) -> Option<Arc<Counters>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.get(job).map(Arc::clone)
    }

    /// Drops the counts of a job that was deleted.
    pub(crate) fn forget(&self, job: &JobId) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.remove(job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_a_job_count_together_until_it_is_forgotten() {
        let (all, job) = (JobCounters::default(), JobId::from_server("job_1"));
        assert!(all.find(&job).is_none());
        all.of(&job).give_out(2);
        all.clone().of(&job).give_out(3);
        let counters = all.find(&job).unwrap();
        assert_eq!((counters.rows_in(), counters.rows_out()), (None, 5));
        counters.take_in(0);
        counters.take_in(7);
        assert_eq!(counters.rows_in(), Some(7));
        assert!(all.find(&JobId::from_server("job_2")).is_none());
        all.forget(&job);
        assert!(all.find(&job).is_none());
    }
}
