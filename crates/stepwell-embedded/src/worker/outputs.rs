//! Streams the rows of jobs to clients that follow them over HTTP.
//!
//! As in Arroyo, a follower gets rows from the moment it connects, and misses batches if it reads too slowly: its channel is short, and a
//! batch that does not fit is skipped, which shows in the numbers of the rows. So a follower can neither slow a query down nor fill
//! memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use stepwell_arroyo::JobId;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::format::JsonRows;

/// How many batches of rows may wait for a follower, as in Arroyo.
const WAITING_BATCHES: usize = 32;

/// Rows that were produced together.
#[derive(Debug)]
pub(crate) struct RowBatch {
    pub(crate) subtask: u32,
    /// The number of the first row, counted from the start of the run.
    pub(crate) start_id: u64,
    /// When they were produced, in microseconds of Unix time.
    pub(crate) time: u64,
    pub(crate) rows: Vec<Bytes>,
}

/// The runs that can be followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobOutputs {
    runs: Arc<Mutex<RunOutputs>>,
}

#[derive(Debug, Default)]
struct RunOutputs {
    closed: bool,
    of_jobs: HashMap<JobId, Weak<RunOutput>>,
}

/// A run and its followers, whose streams end when it is dropped.
#[derive(Debug)]
pub(crate) struct RunOutput {
    job: JobId,
    runs: Arc<Mutex<RunOutputs>>,
    followed: Mutex<Followed>,
}

#[derive(Debug, Default)]
struct Followed {
    /// The number of the next row, by subtask.
    next_ids: HashMap<u32, u64>,
    followers: Vec<mpsc::Sender<Arc<RowBatch>>>,
}

impl JobOutputs {
    /// Registers a run. Only the newest run of a job can be followed.
    pub(crate) fn begin(&self, job: &JobId) -> Arc<RunOutput> {
        let run = Arc::new(RunOutput {
            job: job.clone(),
            runs: Arc::clone(&self.runs),
            followed: Mutex::default(),
        });
        lock(&self.runs)
            .of_jobs
            .insert(job.clone(), Arc::downgrade(&run));
        run
    }

    /// Follows the job from now on; `None`: it does not run.
    pub(crate) fn follow(&self, job: &JobId) -> Option<mpsc::Receiver<Arc<RowBatch>>> {
        let runs = lock(&self.runs);
        // Kept until the lock is released: dropping the last handle of a run takes the lock.
        let run = runs.of_jobs.get(job).and_then(Weak::upgrade);
        let closed = runs.closed;
        drop(runs);
        let run = run.filter(|_| !closed)?;
        let (follower, receiver) = mpsc::channel(WAITING_BATCHES);
        lock(&run.followed).followers.push(follower);
        Some(receiver)
    }

    /// Ends the streams of all followers, and accepts no new ones.
    pub(crate) fn close(&self) {
        let mut runs = lock(&self.runs);
        runs.closed = true;
        let followed: Vec<_> = runs.of_jobs.values().filter_map(Weak::upgrade).collect();
        drop(runs);
        for run in followed {
            lock(&run.followed).followers.clear();
        }
    }
}

impl RunOutput {
    /// Sends rows to the followers. Never waits.
    pub(crate) fn publish(&self, subtask: u32, rows: &[JsonRows]) {
        let mut followed = lock(&self.followed);
        let next_id = followed.next_ids.entry(subtask).or_default();
        let start_id = *next_id;
        *next_id += rows.iter().map(JsonRows::count).sum::<usize>() as u64;
        if followed.followers.is_empty() {
            return;
        }
        let batch = Arc::new(RowBatch {
            subtask,
            start_id,
            time: now(),
            rows: rows.iter().flat_map(JsonRows::each).collect(),
        });
        followed
            .followers
            .retain(|follower| match follower.try_send(Arc::clone(&batch)) {
                Ok(()) | Err(TrySendError::Full(_)) => true,
                Err(TrySendError::Closed(_)) => false,
            });
    }
}

impl Drop for RunOutput {
    fn drop(&mut self) {
        let mut runs = lock(&self.runs);
        // A newer run of the same job stays.
        if runs
            .of_jobs
            .get(&self.job)
            .is_some_and(|run| run.strong_count() == 0)
        {
            runs.of_jobs.remove(&self.job);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> [JsonRows; 1] {
        [JsonRows::new("{}\n".repeat(count), count)]
    }

    fn job() -> JobId {
        JobId::from_server("job_1")
    }

    #[tokio::test]
    async fn a_follower_begins_where_the_run_is_and_ends_with_it() {
        let outputs = JobOutputs::default();
        assert!(outputs.follow(&job()).is_none());
        let run = outputs.begin(&job());
        run.publish(0, &rows(3));
        let mut follower = outputs.follow(&job()).unwrap();
        run.publish(0, &rows(2));
        run.publish(1, &rows(1));
        drop(run);
        let mut seen = Vec::new();
        while let Some(batch) = follower.recv().await {
            seen.push((batch.subtask, batch.start_id, batch.rows.len()));
        }
        assert_eq!(seen, [(0, 3, 2), (1, 0, 1)]);
        assert!(outputs.follow(&job()).is_none());
        assert!(lock(&outputs.runs).of_jobs.is_empty(), "nothing is left");
    }

    #[tokio::test]
    async fn a_slow_follower_misses_batches_and_one_that_is_gone_is_forgotten() {
        let outputs = JobOutputs::default();
        let run = outputs.begin(&job());
        let mut slow = outputs.follow(&job()).unwrap();
        drop(outputs.follow(&job()).unwrap());
        for _ in 0..1000 {
            run.publish(0, &rows(1));
        }
        assert_eq!(lock(&run.followed).followers.len(), 1);
        let mut numbers = Vec::new();
        while let Ok(batch) = slow.try_recv() {
            numbers.push(batch.start_id);
        }
        assert!(numbers.into_iter().eq(0..WAITING_BATCHES as u64));
        run.publish(0, &rows(1));
        assert_eq!(slow.recv().await.unwrap().start_id, 1000);
    }

    #[tokio::test]
    async fn a_newer_run_is_not_ended_by_an_older_one_and_a_close_ends_all() {
        let outputs = JobOutputs::default();
        let older = outputs.begin(&job());
        let newer = outputs.begin(&job());
        drop(older);
        let mut follower = outputs.follow(&job()).unwrap();
        newer.publish(0, &rows(1));
        assert!(follower.recv().await.is_some());
        outputs.close();
        assert!(follower.recv().await.is_none());
        assert!(outputs.follow(&job()).is_none());
    }
}
