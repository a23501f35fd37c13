//! The Arroyo REST API v1: wire types, requests and decoding without I/O, and [`Client`], typed calls over a transport.
//!
//! Everything here is based on recordings of a real Arroyo, on its OpenAPI document, and on the types of its releases 0.12 to 0.15. These
//! are in `tests/contract/recordings` of the repository, and the tests there check this crate against all of them. The recordings that the
//! docs name are among them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::num::NonZeroU32;
//!
//! use http::Method;
//! use stepwell_arroyo::{Client, CreatePipeline, JobState, Pipeline, PipelineId};
//! use stepwell_transport::{FakeTransport, SharedTransport};
//!
//! let id = PipelineId::for_spec("", "orders", "SELECT 1");
//! # let fake = FakeTransport::new();
//! # fake.expect(Method::PUT, format!("/api/v1/pipelines/{id}"))
//! #     .reply_json(200, &Pipeline::new(id.clone(), "orders", "SELECT 1", 1));
//! # fake.expect(Method::GET, format!("/api/v1/pipelines/{id}/jobs"))
//! #     .reply_json(200, &serde_json::json!({"data": [{
//! #         "id": "job_1", "running_desired": true, "state": "Running", "run_id": 1, "created_at": 1,
//! #     }]}));
//! # let transport = SharedTransport::new(fake);
//! let client = Client::new(transport);
//! let create = CreatePipeline::new("orders", "SELECT 1", NonZeroU32::MIN);
//! let pipeline = client.create_with_id(&id, &create).await?;
//! let jobs = client.jobs(&pipeline.id).await?;
//! assert_eq!(jobs[0].state, JobState::Running);
//! # Ok(())
//! # }
//! ```
//!
//! # Server generations
//!
//! Replies of all generations are read, and all of them can read the requests.
//!
//! | | up to 0.14 | 0.15 | after 0.15 |
//! |---|---|---|---|
//! | fields | camelCase | snake_case | snake_case |
//! | page flag | `hasMore` | `hasMore` | `hasMore` |
//! | node ids | strings before 0.13 | numbers | numbers |
//! | a job's failure | text | text | [`FailureReason`] with its [`ErrorDomain`] |
//! | a query's errors | texts | texts | [`SqlDiagnostic`] with its [`SqlSpan`] |
//! | create under an id ([`Client::create_with_id`]) | 405 | 405 | yes; a second one is 400 |
//! | tags, environment, scheduler's configuration | ignored | ignored | yes |
//!
//! Unknown fields are ignored, and unknown states, modes and other names are kept as `Other`.
//!
//! # Secrets
//!
//! SQL contains the passwords of connectors. No error, log line or `Debug` of this crate shows a query, the code of a function, an
//! environment, a row or a body. The exception is the server's message in a refusal, which is part of the error but never logged. If it
//! repeats secrets of the request, they are removed as far as they can be recognised: the token, the options of connectors, the environment.

mod client;
mod endpoint;
mod error;
mod id;
mod job_id;
mod mask;
mod operation;
mod output;
mod path_buffer;
mod percent_encode;
mod pipeline_id;
mod printable;
mod request;
mod response;
mod secrets;
mod wire;
mod words;

pub use client::{Client, Listed};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{ClientError, ClientErrorKind, JsonError};
pub use job_id::JobId;
pub use mask::mask_options;
pub use operation::Operation;
pub use output::{JobOutput, RowBatch};
pub use pipeline_id::{PipelineId, PipelineIdError};
pub use secrets::hide_secrets;
pub use stepwell_transport::{Phase, TransportErrorKind};
pub use wire::{
    Checkpoint, CheckpointSpan, CheckpointType, CreatePipeline, ErrorDomain, FailureReason, Job,
    JobError, JobErrorLevel, JobState, JsonText, Made, Page, PatchPipeline, Pipeline, PipelineEdge,
    PipelineGraph, PipelineNode, PipelineRow, RestartPipeline, SqlDiagnostic, SqlLocation, SqlSpan,
    StopMode, Udf, UdfLanguage, Validation,
};
pub use words::readable;
