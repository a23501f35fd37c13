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
        Session, need_runtime,
        retry::{Backoff, FailureStreak, Next, Request, is_gone},
    },
};

/// How long the server may refuse the rows of a job that it shows as Running. A real Arroyo refuses them for 0.6 s.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// How long an open stream may be quiet before the job is polled.
const QUIET: Duration = Duration::from_secs(5);

/// How long to wait for remaining rows after the job has ended.
const LAST_ROWS: Duration = Duration::from_secs(2);

/// The rows of a running pipeline, from [`Submission::rows`](crate::Submission::rows).
#[must_use = "rows arrive only while `next` is polled"]
pub struct RowStream {
    session: Arc<Session>,
    id: PipelineId,
    job: JobId,
    state: State,
    numbers: Numbers,
    pace: Backoff,
    watch: Watch,
    failures: FailureStreak,
    /// Since when the server has refused the rows although the job is Running.
    refused_since: Option<Instant>,
    /// When the job is polled next, unless rows arrive first.
    look_at: Instant,
    /// Whether the stream was read to the end that the server gave it.
    is_complete: bool,
    /// The run in which the job was last seen.
    run_id: Option<u64>,
}

/// An open stream.
struct Stream {
    output: JobOutput,
    /// Whether it may have been opened between the end of the previous stream and the end of the job: no row has come from it.
    may_be_late: bool,
    /// Whether the job had ended when it was last polled.
    is_over: bool,
}

/// Whether the job is ending, as far as it shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    GoesOn,
    /// It is about to end, and no row follows the end of the stream.
    Ends,
    Ended,
}

enum State {
    /// The stream is not to be opened before this time.
    Waiting(Instant),
    Open(Box<Stream>),
    /// There is nothing to read; the job shows whether there will be.
    Closed,
    Ended,
}

fn pace() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(1))
}

impl RowStream {
    /// The rows of the job that `watch` watches. Without a preview there are none. `from_start` says that no earlier rows exist.
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
            failures: FailureStreak::new(Step::Watch),
            refused_since: None,
            look_at: now,
            is_complete: !has_preview,
            run_id: None,
        }
    }

    /// Returns the next rows; `None` when the job has ended, or its rows go to another sink.
    ///
    /// Reads `GET /api/v1/pipelines/{id}/jobs/{job}/output`. A stream that breaks off while the job continues is reopened after a pause,
    /// and so is one that the server refuses shortly after Running. There is no deadline, because a query may have no rows for hours, but
    /// while none arrive the job is polled every 5 s: the server does not end the stream of a failed job. It fails if the server has not
    /// answered for [`Options::silence_timeout`](crate::Options::silence_timeout). It continues after a shutdown has begun, because rows
    /// may arrive until the job has stopped.
    ///
    /// # Errors
    ///
    /// [`Error::Look`]. The stream is over after an error.
    ///
    /// # Cancel safety
    ///
    /// Safe: no row is lost if the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Rows>, Error> {
        need_runtime()?;
        let next = self.advance().await;
        if !matches!(next, Ok(Some(_))) {
            self.state = State::Ended;
        }
        next.map_err(|error| Error::Look { source: error })
    }

    /// Whether the stream was read to the end that the server gave it. If not, the last rows may have been missed.
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
                            // The previous stream had the last rows.
                            self.is_complete = true;
                            return Ok(None);
                        }
                        if may_be_late && self.run_id != run_id {
                            // A new run has begun, and its rows do not arrive on this stream.
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
                        self.failures.answered(&self.session.requester);
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
                    // A decoding error is permanent.
                    Some(Err(error)) if matches!(error.kind(), ClientErrorKind::Decode { .. }) => {
                        return Err(error);
                    }
                    Some(Err(error)) => {
                        self.state = State::Closed;
                        self.failed(error)?;
                    }
                },
                // The server ends a stream shortly before the job shows its end; a stream opened in between succeeds but stays silent.
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
                self.failures.answered(&self.session.requester);
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
                // Not yet, or not any more: the job tells which.
                if error.status() != Some(StatusCode::BAD_REQUEST) && !is_gone(&error) {
                    self.failed(error)?;
                }
            }
        }
        Ok(())
    }

    /// Records a failure of the stream, or returns it if retrying does not help.
    fn failed(&mut self, error: ClientError) -> Result<(), ClientError> {
        if Request::Find.next(&error) == Next::GiveUp || self.is_silent() {
            return Err(error);
        }
        self.failures.failed(&self.session.requester, &error);
        Ok(())
    }

    fn is_silent(&self) -> bool {
        self.watch.silence() >= self.session.options.silence_timeout
    }

    /// Whether the job continues.
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
            // Stopping or Stopped, but intended to run: about to start again.
            _ if job.running_desired => Course::GoesOn,
            _ => Course::Ends,
        })
    }
}

/// `None` if the time comes before the next item. An item that is ready wins.
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
