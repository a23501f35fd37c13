//! Reports the trouble of a job, with the newest error of its log.

use std::{
    future::{Future, poll_fn},
    num::NonZeroU32,
    pin::{Pin, pin},
    sync::{Arc, MutexGuard},
    task::{Context as Waker, Poll},
    time::Duration,
};

use stepwell_arroyo::{ClientError, Job, JobError, PipelineId};

use super::{
    record::{Expected, News, Record},
    sight::Sight,
    trouble::Trouble,
};
use crate::{
    observe::Event,
    session::{Deadline, Requester},
};

/// How many log entries to read: the newest ones may be warnings.
const ENTRIES: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// The timeout for reading them.
const READ_WITHIN: Duration = Duration::from_secs(5);

type Reading = Pin<Box<dyn Future<Output = Result<Vec<JobError>, ClientError>> + Send>>;

/// Reports the trouble of one job while the job is watched. The log is read concurrently and delays nothing.
pub(crate) struct TroubleWatch {
    sight: Arc<Sight>,
    requester: Requester,
    id: PipelineId,
    expected: Expected,
    reading: Option<Reading>,
}

impl TroubleWatch {
    pub(crate) fn new(
        requester: &Requester,
        id: &PipelineId,
        sight: &Arc<Sight>,
        expected: Expected,
    ) -> Self {
        Self {
            sight: Arc::clone(sight),
            requester: requester.clone(),
            id: id.clone(),
            expected,
            reading: None,
        }
    }

    /// Records an observation.
    pub(crate) fn saw(&mut self, job: &Job) {
        let (news, to_read) = {
            let mut record = self.record();
            let news = record.observe(job, self.expected);
            let may_read = self.reading.is_none();
            (news, may_read.then(|| record.wants_reading()).flatten())
        };
        self.tell(news);
        if let Some(job) = to_read {
            let within = self.requester.request_timeout.min(READ_WITHIN);
            let client = self.requester.client.within(within);
            let (requester, id) = (self.requester.clone(), self.id.clone());
            self.reading = Some(Box::pin(async move {
                let _permit = requester.permit(&Deadline::new(READ_WITHIN)).await;
                client.newest_job_errors(&id, &job, ENTRIES).await
            }));
        }
    }

    /// Drives `work` to completion, and reads the log concurrently.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|waker| {
            let done = work.as_mut().poll(waker);
            if done.is_pending() {
                self.read(waker);
            }
            done
        })
        .await
    }

    fn read(&mut self, waker: &mut Waker<'_>) {
        let Some(reading) = &mut self.reading else {
            return;
        };
        if let Poll::Ready(log) = reading.as_mut().poll(waker) {
            self.reading = None;
            let news = self.record().read(log.ok());
            self.tell(news);
        }
    }

    /// The current trouble of the job.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.record().trouble()
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.sight.record()
    }

    fn tell(&self, news: Option<News>) {
        let event = match news {
            None => return,
            Some(News::Began {
                job,
                run_id,
                trouble,
            }) => {
                tracing::debug!(
                    pipeline.id = %self.id, job.id = %job, job.run_id = run_id, job.restarts = trouble.restarts,
                    "the job is in trouble"
                );
                Event::JobTrouble {
                    pipeline_id: self.id.clone(),
                    job_id: job,
                    run_id,
                    restarts: trouble.restarts,
                    elapsed: trouble.elapsed,
                    error: trouble.error,
                }
            }
            Some(News::Recovered {
                job,
                restarts,
                elapsed,
            }) => Event::JobRecovered {
                pipeline_id: self.id.clone(),
                job_id: job,
                restarts,
                elapsed,
            },
        };
        self.requester.tell(&event);
    }
}
