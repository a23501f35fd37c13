//! Each call of the client.

use std::{future::Future, num::NonZeroU32, pin::Pin};

use http::Method;
use serde_json::{Value, json};
use stepwell_arroyo::{
    Client, ClientError, CreatePipeline, JobId, Operation, PatchPipeline, PipelineId,
    RestartPipeline, StopMode,
};
use stepwell_transport::{Expectation, FakeTransport, SharedTransport};

pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send + 'a>>;

/// A call, its request, and its reply.
pub struct Case {
    pub operation: Operation,
    pub method: Method,
    pub path: &'static str,
    pub reply: Value,
    /// An empty reply is a success.
    pub may_be_empty: bool,
    /// The reply is decoded.
    pub is_read: bool,
    pub call: fn(&Client) -> Calling<'_>,
}

impl Case {
    fn new(
        operation: Operation,
        method: Method,
        path: &'static str,
        reply: Value,
        call: fn(&Client) -> Calling<'_>,
    ) -> Self {
        Self {
            operation,
            method,
            path,
            reply,
            may_be_empty: false,
            is_read: true,
            call,
        }
    }

    fn may_be_empty(mut self) -> Self {
        self.may_be_empty = true;
        self
    }
}

pub fn id() -> PipelineId {
    PipelineId::from_server("pl_1")
}

pub fn job() -> JobId {
    JobId::from_server("job_1")
}

pub fn create() -> CreatePipeline {
    CreatePipeline::new("orders", "SELECT 1", NonZeroU32::MIN)
}

pub fn cases() -> Vec<Case> {
    let mut cases = reads();
    cases.extend(writes());
    cases
}

fn pipeline() -> Value {
    json!({"id": "pl_1", "name": "orders", "query": "SELECT 1", "stop": "none", "created_at": 1})
}

fn reads() -> Vec<Case> {
    use Operation as O;
    let empty = json!({"data": [], "hasMore": false});
    vec![
        Case::new(
            O::Ping,
            Method::GET,
            "/api/v1/ping",
            json!("Pong"),
            |client| Box::pin(client.ping()),
        ),
        Case::new(
            O::Validate,
            Method::POST,
            "/api/v1/pipelines/validate_query",
            json!({"graph": null, "errors": []}),
            |client| Box::pin(async { client.validate("SELECT 1", &[]).await.map(drop) }),
        ),
        Case::new(
            O::ListPipelines,
            Method::GET,
            "/api/v1/pipelines?limit=1&starting_after=pl_1",
            empty.clone(),
            |client| {
                Box::pin(async {
                    client
                        .pipelines_page(NonZeroU32::MIN, Some(&id()))
                        .await
                        .map(drop)
                })
            },
        ),
        Case::new(
            O::ListPipelines,
            Method::GET,
            "/api/v1/pipelines?limit=10000",
            empty.clone(),
            |client| Box::pin(async { client.all_pipelines().await.map(drop) }),
        ),
        Case::new(
            O::GetPipeline,
            Method::GET,
            "/api/v1/pipelines/pl_1",
            pipeline(),
            |client| Box::pin(async { client.pipeline(&id()).await.map(drop) }),
        ),
        Case::new(
            O::Jobs,
            Method::GET,
            "/api/v1/pipelines/pl_1/jobs",
            json!({"data": []}),
            |client| Box::pin(async { client.jobs(&id()).await.map(drop) }),
        ),
        Case::new(
            O::AllJobs,
            Method::GET,
            "/api/v1/jobs",
            json!({"data": []}),
            |client| Box::pin(async { client.all_jobs().await.map(drop) }),
        ),
        Case::new(
            O::JobErrors,
            Method::GET,
            "/api/v1/pipelines/pl_1/jobs/job_1/errors?limit=1000",
            empty.clone(),
            |client| Box::pin(async { client.job_errors(&id(), &job()).await.map(drop) }),
        ),
        Case::new(
            O::JobErrors,
            Method::GET,
            "/api/v1/pipelines/pl_1/jobs/job_1/errors?limit=1",
            empty,
            |client| {
                Box::pin(async {
                    client
                        .newest_job_errors(&id(), &job(), NonZeroU32::MIN)
                        .await
                        .map(drop)
                })
            },
        ),
        Case::new(
            O::Checkpoints,
            Method::GET,
            "/api/v1/pipelines/pl_1/jobs/job_1/checkpoints",
            json!({"data": []}),
            |client| Box::pin(async { client.checkpoints(&id(), &job()).await.map(drop) }),
        ),
    ]
}

fn writes() -> Vec<Case> {
    use Operation as O;
    let delete = Case {
        is_read: false,
        ..Case::new(
            O::Delete,
            Method::DELETE,
            "/api/v1/pipelines/pl_1",
            json!({}),
            |client| Box::pin(async { client.delete(&id()).await }),
        )
        .may_be_empty()
    };
    vec![
        Case::new(
            O::Create,
            Method::POST,
            "/api/v1/pipelines",
            pipeline(),
            |client| Box::pin(async { client.create(&create()).await.map(drop) }),
        ),
        Case::new(
            O::CreateWithId,
            Method::PUT,
            "/api/v1/pipelines/pl_1",
            pipeline(),
            |client| Box::pin(async { client.create_with_id(&id(), &create()).await.map(drop) }),
        ),
        Case::new(
            O::Patch,
            Method::PATCH,
            "/api/v1/pipelines/pl_1",
            pipeline(),
            |client| {
                Box::pin(async {
                    client
                        .patch(&id(), &PatchPipeline::new().stop(StopMode::None))
                        .await
                        .map(drop)
                })
            },
        )
        .may_be_empty(),
        Case::new(
            O::Restart,
            Method::POST,
            "/api/v1/pipelines/pl_1/restart",
            pipeline(),
            |client| {
                Box::pin(async {
                    client
                        .restart(&id(), &RestartPipeline::new())
                        .await
                        .map(drop)
                })
            },
        )
        .may_be_empty(),
        delete,
    ]
}

/// Runs a case once with this answer. Every request is sent exactly once.
pub async fn run(
    case: &Case,
    answer: impl for<'a> FnOnce(Expectation<'a>) -> Expectation<'a>,
) -> Result<(), ClientError> {
    let fake = FakeTransport::new();
    let _ = answer(fake.expect(case.method.clone(), case.path));
    let client = Client::new(SharedTransport::new(fake.clone()));
    let result = (case.call)(&client).await;
    fake.finish();
    if let Err(error) = &result {
        assert_eq!(error.operation(), case.operation);
        let text = error.to_string();
        let start = format!("could not {}", case.operation);
        assert!(
            text.starts_with(&start) && text.contains(" at http://fake.test:5115"),
            "{text}"
        );
        assert!(!text.contains("SELECT"), "{text}");
    }
    result
}
