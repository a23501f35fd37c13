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

/// The maximum size of a reply that holds a list, in bytes: 10,000 pipelines with large graphs.
const LIST: usize = 256 * 1024 * 1024;

impl Client {
    /// Reads one page of pipelines, newest first (`GET /api/v1/pipelines`). Previews are not listed.
    ///
    /// # Errors
    ///
    /// Fails if the page cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn pipelines_page(
        &self,
        limit: NonZeroU32,
        starting_after: Option<&PipelineId>,
    ) -> Result<Page<Pipeline>, ClientError> {
        self.get(request::list_pipelines(limit, starting_after), LIST)
            .await
    }

    /// Reads the jobs of all pipelines (`GET /api/v1/jobs`), newest first, including those that have ended. There are no pages.
    ///
    /// On servers after 0.15, [`Job::pipeline_id`] is the job's pipeline (recordings `105_list_all_jobs`, `719_pg_jobs`). Up to 0.15 it is
    /// `None`, and nothing else in the reply tells: pipelines and jobs only have `created_at` in common, which may differ between a pipeline
    /// and its job, and be equal for two pipelines created in the same second. On those servers, use [`jobs`](Self::jobs).
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
    /// Fails if the list cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn all_jobs(&self) -> Result<Vec<Job>, ClientError> {
        Ok(self.get::<All<Job>>(request::all_jobs(), LIST).await?.data)
    }

    /// Reads all pipelines, newest first.
    ///
    /// On most servers one page of 10,000 holds them all. Otherwise `hasMore` is followed, and at the border of two pages the rows with the
    /// same `created_at` are read again, because the server's cursor skips them. If a cursor may have been deleted meanwhile, the list is
    /// read again until two readings agree. The numbers of pages and readings are limited.
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
    /// Fails if a page cannot be read, or with [`ClientErrorKind::Paging`] if the pages do not end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn all_pipelines(&self) -> Result<Vec<Pipeline>, ClientError> {
        let keep = |row: &PipelineRow<'_>| row.to_pipeline();
        let listed = self.read_pipelines(|| self.timeout, keep).await?;
        Ok(listed.into_iter().map(|row| row.kept).collect())
    }

    /// As [`all_pipelines`](Self::all_pipelines), but keeps of each pipeline only what `keep` returns, so that a list of 10,000 pipelines
    /// takes no more memory than one page and what is kept. Each page may take what `left` returns before it is requested, but no longer
    /// than this client's timeout.
    ///
    /// `keep` is called once for each pipeline, as it is first read. If the list has to be read again, everything that was kept is dropped
    /// and `keep` is called again. The result is in the order of the list, newest first.
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
    /// As [`all_pipelines`](Self::all_pipelines). If `keep` fails, the page cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn read_pipelines<T: Send>(
        &self,
        left: impl Fn() -> Duration + Send + Sync,
        mut keep: impl FnMut(&PipelineRow<'_>) -> Result<T, JsonError> + Send,
    ) -> Result<Vec<Listed<T>>, ClientError> {
        paging::read(self, paging::FIRST_LIMIT, &left, &mut keep).await
    }

    /// Calls `each` for each row of a page. Returns whether more rows follow it.
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

    /// The error for a list that does not end.
    pub(super) fn paging_error(&self, problem: &'static str) -> ClientError {
        let call = Call {
            operation: Operation::ListPipelines,
            pipeline: None,
            url: self.url(),
        };
        ClientError::new(call, ClientErrorKind::Paging { problem })
    }
}
