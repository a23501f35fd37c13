//! The lists of all pipelines and of all jobs.

use std::{num::NonZeroU32, time::Duration};

use super::{Client, Listed, paging};
use crate::{
    ClientError, ClientErrorKind, Job, JsonError, Operation, Page, Pipeline, PipelineId,
    PipelineRow,
    error::Call,
    request, response,
    wire::{All, EachRow},
};

/// How large a reply may be that holds a list: 10,000 pipelines with large graphs.
const LIST: usize = 256 * 1024 * 1024;

impl Client {
    /// Reads one page of pipelines, newest first (`GET /api/v1/pipelines`). Previews are not listed.
    ///
    /// # Errors
    ///
    /// When there is no such answer.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn pipelines_page(
        &self,
        limit: NonZeroU32,
        starting_after: Option<&PipelineId>,
    ) -> Result<Page<Pipeline>, ClientError> {
        self.get(request::list_pipelines(limit, starting_after), LIST)
            .await
    }

    /// Reads the jobs of all pipelines (`GET /api/v1/jobs`), newest first, those that have ended among them. There are no pages.
    ///
    /// [`Job::pipeline_id`] says whose each one is, on servers after 0.15 (recordings `105_list_all_jobs`, `719_pg_jobs`). Up to 0.15 it is
    /// `None`, and nothing else in the reply says it: rows of pipelines and of jobs have only `created_at` in common, which may differ
    /// between a pipeline and its job, and agree between two pipelines that were made in the same second. There a job is matched by its id,
    /// which [`jobs`](Self::jobs) shows for one pipeline.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use http::Method;
    /// use stepwell_arroyo::{Client, Job, JobId, PipelineId};
    /// use stepwell_transport::{FakeTransport, SharedTransport};
    ///
    /// let fake = FakeTransport::new();
    /// let orders = PipelineId::from_server("pl_1");
    /// let job = Job::new(JobId::from_server("job_1"), orders.clone(), 1);
    /// fake.expect(Method::GET, "/api/v1/jobs")
    ///     .reply_json(200, &serde_json::json!({"data": [job]}));
    /// let client = Client::new(SharedTransport::new(fake));
    /// assert_eq!(client.all_jobs().await?[0].pipeline_id, Some(orders));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no such answer.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn all_jobs(&self) -> Result<Vec<Job>, ClientError> {
        Ok(self.get::<All<Job>>(request::all_jobs(), LIST).await?.data)
    }

    /// Reads all pipelines, newest first.
    ///
    /// One large page (10,000) holds them on most servers. Where it does not, `hasMore` is followed, and at the border of two pages the rows of
    /// the same `created_at` are read again: the server's cursor skips those. A reading in which a cursor may have been deleted is
    /// repeated until two agree. The number of pages and of readings is bounded.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use http::Method;
    /// use stepwell_arroyo::{Client, Page, Pipeline, PipelineId};
    /// use stepwell_transport::{FakeTransport, SharedTransport};
    ///
    /// let fake = FakeTransport::new();
    /// let orders = Pipeline::new(PipelineId::from_server("pl_1"), "orders", "SELECT 1", 1);
    /// fake.expect(Method::GET, "/api/v1/pipelines?limit=10000")
    ///     .reply_json(200, &Page::new(vec![orders], false));
    /// let client = Client::new(SharedTransport::new(fake));
    /// assert_eq!(client.all_pipelines().await?[0].name, "orders");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When a page cannot be read, or with [`ClientErrorKind::Paging`] when the pages do not come to an end.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn all_pipelines(&self) -> Result<Vec<Pipeline>, ClientError> {
        self.all_pipelines_within(|| self.timeout).await
    }

    /// As [`all_pipelines`](Self::all_pipelines), within a time for the whole of it: each page may take what `left` says when it is
    /// asked for, and no longer than a request of this client.
    ///
    /// # Errors
    ///
    /// As [`all_pipelines`](Self::all_pipelines).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn all_pipelines_within(
        &self,
        left: impl Fn() -> Duration + Send + Sync,
    ) -> Result<Vec<Pipeline>, ClientError> {
        let keep = |row: &PipelineRow<'_>| row.to_pipeline();
        let listed = self.read_pipelines(left, keep).await?;
        Ok(listed.into_iter().map(|row| row.kept).collect())
    }

    /// As [`all_pipelines_within`](Self::all_pipelines_within), and of each pipeline only what `keep` makes of it is kept: a list of
    /// 10,000 takes the memory of one page and of what is kept.
    ///
    /// Each pipeline is shown to `keep` once, as it was met first; in a reading that has to be repeated it is shown again, and what was
    /// kept of the reading before is dropped. What is returned is in the order of the list, newest first.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use http::Method;
    /// use std::time::Duration;
    /// use stepwell_arroyo::{Client, Page, Pipeline, PipelineId};
    /// use stepwell_transport::{FakeTransport, SharedTransport};
    ///
    /// let fake = FakeTransport::new();
    /// let orders = Pipeline::new(PipelineId::from_server("pl_1"), "orders", "SELECT 1", 1);
    /// fake.expect(Method::GET, "/api/v1/pipelines?limit=10000")
    ///     .reply_json(200, &Page::new(vec![orders], false));
    /// let client = Client::new(SharedTransport::new(fake));
    /// let left = || Duration::from_secs(30);
    /// let listed = client.read_pipelines(left, |row| Ok(row.query == "SELECT 1")).await?;
    /// assert!(listed[0].id.as_str() == "pl_1" && listed[0].kept);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`all_pipelines`](Self::all_pipelines), and what `keep` cannot read makes its page one that cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn read_pipelines<T: Send>(
        &self,
        left: impl Fn() -> Duration + Send + Sync,
        mut keep: impl FnMut(&PipelineRow<'_>) -> Result<T, JsonError> + Send,
    ) -> Result<Vec<Listed<T>>, ClientError> {
        paging::read(self, paging::FIRST_LIMIT, &left, &mut keep).await
    }

    /// Shows each row of a page to `each`; whether there are more behind it.
    pub(super) async fn pipeline_rows(
        &self,
        limit: NonZeroU32,
        starting_after: Option<&PipelineId>,
        each: EachRow<'_>,
    ) -> Result<bool, ClientError> {
        let request = request::list_pipelines(limit, starting_after);
        self.call(request, LIST, |reply| response::decode_rows(reply, each))
            .await
    }

    /// What a list that does not end gets as its error.
    pub(super) fn paging_error(&self, problem: &'static str) -> ClientError {
        let call = Call {
            operation: Operation::ListPipelines,
            pipeline: None,
            url: self.url(),
        };
        ClientError::new(call, ClientErrorKind::Paging { problem })
    }
}
