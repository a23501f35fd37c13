//! Reading the rows of a running pipeline: [`Submission::rows`](crate::Submission::rows).

mod batch;
mod refusal;

use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;
use stepwell_arroyo::{ClientError, ClientErrorKind, JobId, JobOutput, JobState, PipelineId};
use tokio::time::Instant;

pub use self::batch::Rows;
use self::{
    batch::Numbers,
    refusal::{go_elsewhere, has_no_route},
};
use crate::{
    error::Error,
    job::{
        LastSeen,
        ended::has_ended,
        watch::{Look, Watch},
    },
    observe::Step,
    session::{
        Session,
        retry::{Backoff, FailureStreak, Next, Request, is_gone},
    },
};

/// How long the rows of a job may not be had that the server shows Running. A real Arroyo refuses them for 0.6 s.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// How long an open stream may be quiet before the job is asked whether it goes on.
const QUIET: Duration = Duration::from_secs(5);

/// How long rows are waited for that may still come when the job has ended.
const LAST_ROWS: Duration = Duration::from_secs(2);

/// The rows of a running pipeline, from [`Submission::rows`](crate::Submission::rows).
#[must_use = "rows come when they are asked for"]
pub struct RowStream {
    session: Arc<Session>,
    id: PipelineId,
    job: JobId,
    state: State,
    numbers: Numbers,
    pace: Backoff,
    watch: Watch,
    failures: FailureStreak,
    /// Since when the rows cannot be had although the job is Running.
    refused_since: Option<Instant>,
    /// When the job is asked for next, unless rows come before.
    look_at: Instant,
    /// Whether the stream was read to the end that the server gave it.
    is_complete: bool,
    /// The run that the job was seen in last.
    run_id: Option<u64>,
}

/// A stream that is open.
struct Stream {
    output: JobOutput,
    /// Whether it may have been opened in the moment between the end of the stream before and that of the job: nothing has come from it.
    may_be_late: bool,
    /// Whether the job had ended when it was asked for.
    is_over: bool,
}

/// What the job shows of its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    GoesOn,
    /// It is about to end, and no row comes after the end of the stream.
    Ends,
    Ended,
}

enum State {
    /// Not to be opened before.
    Waiting(Instant),
    Open(Box<Stream>),
    /// There is nothing to read, and the job says whether there will be.
    Closed,
    Ended,
}

fn pace() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(1))
}

impl RowStream {
    /// The rows of the job that `watch` watches. Without a preview there are none to read; `from_start` says that no row came before.
    pub(crate) fn new(
        session: &Arc<Session>,
        watch: Watch,
        job: JobId,
        has_preview: bool,
        from_start: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            session: Arc::clone(session),
            id: watch.id().clone(),
            watch,
            job,
            state: if has_preview {
                State::Waiting(now)
            } else {
                State::Ended
            },
            numbers: Numbers::new(from_start),
            pace: pace(),
            failures: FailureStreak::new(Step::Wait),
            refused_since: None,
            look_at: now,
            is_complete: !has_preview,
            run_id: None,
        }
    }

    /// The next rows; `None` when the job has ended, or its rows go elsewhere.
    ///
    /// Reads `GET /api/v1/pipelines/{id}/jobs/{job}/output`. A stream that breaks off while the job goes on is opened again, with pauses,
    /// and so is one that the server refuses for a moment after Running. It has no deadline, for a query may have no rows for hours, but
    /// while none come, the job is read every 5 s: the server does not end the stream of one that has failed. It fails when the server has
    /// not answered for [`Options::silence_timeout`](crate::Options::silence_timeout). A shutdown that begins does not end it: there are
    /// rows until the job has stopped.
    ///
    /// # Errors
    ///
    /// [`Error::Look`]. There are no more rows then.
    ///
    /// # Cancel safety
    ///
    /// Safe: no row is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Rows>, Error> {
        let next = self.advance().await;
        if !matches!(next, Ok(Some(_))) {
            self.state = State::Ended;
        }
        next.map_err(|error| Error::Look { source: error })
    }

    /// Whether the stream was read to the end that the server gave it. When it was not, the last rows may have been missed.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    async fn advance(&mut self) -> Result<Option<Rows>, ClientError> {
        loop {
            match &mut self.state {
                State::Ended => return Ok(None),
                State::Waiting(until) => {
                    tokio::time::sleep_until(*until).await;
                    self.open().await?;
                }
                State::Open(stream) => match before(self.look_at, stream.output.next()).await {
                    None if stream.is_over => return Ok(None),
                    None => {
                        let (may_be_late, run_id) = (stream.may_be_late, self.run_id);
                        let is_over = self.course().await? == Course::Ended;
                        if may_be_late && is_over {
                            // The stream before it had the last rows.
                            self.is_complete = true;
                            return Ok(None);
                        }
                        if may_be_late && self.run_id != run_id {
                            // The job has begun anew, and the rows of that run do not come here.
                            self.state = State::Waiting(Instant::now());
                            continue;
                        }
                        if let State::Open(stream) = &mut self.state {
                            stream.is_over = is_over;
                        }
                        let pause = if is_over { LAST_ROWS } else { QUIET };
                        self.look_at = Instant::now() + pause;
                    }
                    Some(Ok(Some(batch))) => {
                        stream.may_be_late = false;
                        if !stream.is_over {
                            self.look_at = Instant::now() + QUIET;
                        }
                        self.failures.answered(&self.session.requester.observation);
                        self.watch.heard();
                        self.pace = pace();
                        let rows = self.numbers.take(batch);
                        if !rows.rows.is_empty() || rows.missed > 0 {
                            return Ok(Some(rows));
                        }
                    }
                    Some(Ok(None)) => {
                        self.is_complete = true;
                        self.state = State::Closed;
                    }
                    // What cannot be read now cannot be read later.
                    Some(Err(error)) if matches!(error.kind(), ClientErrorKind::Decode { .. }) => {
                        return Err(error);
                    }
                    Some(Err(error)) => {
                        self.state = State::Closed;
                        self.failed(error)?;
                    }
                },
                // The server ends a stream a moment before the job shows its end, and in between it takes another that stays silent.
                State::Closed if self.is_complete && self.session.is_stopping() => return Ok(None),
                State::Closed => {
                    let course = self.course().await?;
                    let is_over = course == Course::Ends && self.is_complete;
                    if is_over || course == Course::Ended {
                        return Ok(None);
                    }
                    self.state = State::Waiting(
                        Instant::now() + self.pace.pause(&self.session.requester.jitter),
                    );
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(), ClientError> {
        let client = self.session.requester.client_for_a_write();
        match client.output(&self.id, &self.job).await {
            Ok(output) => {
                self.watch.heard();
                self.refused_since = None;
                self.state = State::Open(Box::new(Stream {
                    output,
                    may_be_late: self.is_complete,
                    is_over: false,
                }));
                self.is_complete = false;
                self.look_at = Instant::now() + QUIET;
            }
            Err(error) if go_elsewhere(&error) => {
                self.is_complete = true;
                self.state = State::Ended;
            }
            Err(error) if has_no_route(&error) => return Err(error),
            Err(error) => {
                self.state = State::Closed;
                let since = *self.refused_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= REFUSED_FOR {
                    return Err(error);
                }
                // Not yet, or no more: the job says which.
                if error.status() != Some(StatusCode::BAD_REQUEST) && !is_gone(&error) {
                    self.failed(error)?;
                }
            }
        }
        Ok(())
    }

    /// Notes a failure of the stream, or gives it back when it does not pass.
    fn failed(&mut self, error: ClientError) -> Result<(), ClientError> {
        if Request::Find.next(&error) == Next::GiveUp || self.is_silent() {
            return Err(error);
        }
        self.failures
            .failed(&self.session.requester.observation, &error);
        Ok(())
    }

    fn is_silent(&self) -> bool {
        self.watch.silence() >= self.session.options.silence_timeout
    }

    /// Whether the job goes on.
    async fn course(&mut self) -> Result<Course, ClientError> {
        let job = match self.watch.look().await {
            Look::Job(job) => job,
            Look::NoJob => return Ok(Course::GoesOn),
            Look::Failed => {
                self.refused_since = None;
                return match self.watch.take_last_seen() {
                    LastSeen::Request { source, .. } if self.is_silent() => Err(source),
                    _ => Ok(Course::GoesOn),
                };
            }
            Look::Vanished => return Ok(Course::Ended),
            Look::Rejected(error) => return Err(error),
        };
        self.run_id = Some(job.run_id);
        if job.state != JobState::Running {
            self.refused_since = None;
        }
        Ok(match job.state {
            _ if has_ended(&job) => Course::Ended,
            JobState::Finishing => Course::Ends,
            // Stopping, or Stopped, and meant to run: about to start again.
            _ if job.running_desired => Course::GoesOn,
            _ => Course::Ends,
        })
    }
}

/// `None` when the time comes before the next of the rows. What has come goes first.
async fn before<T>(time: Instant, next: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout_at(time, next).await.ok()
}

impl fmt::Debug for RowStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RowStream")
            .field("pipeline", &self.id)
            .field("is_complete", &self.is_complete)
            .finish_non_exhaustive()
    }
}
