//! Who follows the rows of a job over HTTP.
//!
//! As with a real Arroyo, a follower sees rows from where the job is when he comes, and one who does not take them as fast as they come
//! loses some: his short channel is full, and a batch that does not fit is passed over. He sees it by the numbers of the rows. So
//! nobody who follows can slow a query down, or fill memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use stepwell_arroyo::JobId;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::rows::Lines;

/// How many batches of rows may wait for a follower; as many as in a real Arroyo.
const WAITING_BATCHES: usize = 32;

/// Rows that came together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) subtask: u32,
    /// The number of the first of them, counted from the start of the run.
    pub(crate) start_id: u64,
    /// When they came, in microseconds of Unix time.
    pub(crate) time: u64,
    pub(crate) rows: Vec<Bytes>,
}

/// The runs that can be followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outputs {
    runs: Arc<Mutex<Runs>>,
}

#[derive(Debug, Default)]
struct Runs {
    closed: bool,
    of_jobs: HashMap<JobId, Weak<Run>>,
}

/// A run and its followers, whose streams end when it is dropped.
#[derive(Debug)]
pub(crate) struct Run {
    job: JobId,
    runs: Arc<Mutex<Runs>>,
    followed: Mutex<Followed>,
}

#[derive(Debug, Default)]
struct Followed {
    /// The number of the row that comes next, by subtask.
    next_ids: HashMap<u32, u64>,
    followers: Vec<mpsc::Sender<Arc<Batch>>>,
}

impl Outputs {
    /// A run begins. Only the newest run of a job can be followed.
    pub(crate) fn begin(&self, job: &JobId) -> Arc<Run> {
        let run = Arc::new(Run {
            job: job.clone(),
            runs: Arc::clone(&self.runs),
            followed: Mutex::default(),
        });
        lock(&self.runs)
            .of_jobs
            .insert(job.clone(), Arc::downgrade(&run));
        run
    }

    /// Follows the job from here on; `None` when it does not run.
    pub(crate) fn follow(&self, job: &JobId) -> Option<mpsc::Receiver<Arc<Batch>>> {
        let runs = lock(&self.runs);
        // Kept until the lock is gone: what drops the last handle of a run takes it.
        let run = runs.of_jobs.get(job).and_then(Weak::upgrade);
        let closed = runs.closed;
        drop(runs);
        let run = run.filter(|_| !closed)?;
        let (follower, receiver) = mpsc::channel(WAITING_BATCHES);
        lock(&run.followed).followers.push(follower);
        Some(receiver)
    }

    /// Ends the streams of all followers, and takes no more.
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

impl Run {
    /// Shows rows to the followers. Never waits.
    pub(crate) fn publish(&self, subtask: u32, rows: &[Lines]) {
        let mut followed = lock(&self.followed);
        let next_id = followed.next_ids.entry(subtask).or_default();
        let start_id = *next_id;
        *next_id += rows.iter().map(Lines::count).sum::<usize>() as u64;
        if followed.followers.is_empty() {
            return;
        }
        let batch = Arc::new(Batch {
            subtask,
            start_id,
            time: now(),
            rows: rows.iter().flat_map(Lines::each).collect(),
        });
        followed
            .followers
            .retain(|follower| match follower.try_send(Arc::clone(&batch)) {
                Ok(()) | Err(TrySendError::Full(_)) => true,
                Err(TrySendError::Closed(_)) => false,
            });
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut runs = lock(&self.runs);
        // Not a newer one of the same job.
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

    fn rows(count: usize) -> [Lines; 1] {
        [Lines::new("{}\n".repeat(count), count)]
    }

    fn job() -> JobId {
        JobId::from_server("job_1")
    }

    #[tokio::test]
    async fn a_follower_begins_where_the_run_is_and_ends_with_it() {
        let outputs = Outputs::default();
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
    async fn who_is_slow_misses_batches_and_who_is_gone_is_forgotten() {
        let outputs = Outputs::default();
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
        let outputs = Outputs::default();
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
