//! The Arroyo REST API v1: wire types, requests and decoding without I/O, and a typed client.
//!
//! Everything here rests on recordings of a real Arroyo, on its OpenAPI document, and on the types of its releases 0.12 to 0.15.

mod client;
mod encode;
mod endpoint;
mod error;
mod job_id;
mod operation;
mod pipeline_id;
mod printable;
mod request;
mod response;
mod wire;

pub use client::Client;
pub use endpoint::{Endpoint, EndpointError};
pub use error::{ClientError, ClientErrorKind, JsonError};
pub use job_id::JobId;
pub use operation::Operation;
pub use pipeline_id::{PipelineId, PipelineIdError};
pub use stepwell_transport::{Phase, TransportErrorKind};
pub use wire::{
    Checkpoint, CheckpointSpan, CheckpointType, CreatePipeline, ErrorDomain, FailureReason, Job,
    JobError, JobErrorLevel, JobState, Page, PatchPipeline, Pipeline, PipelineEdge, PipelineGraph,
    PipelineNode, RestartPipeline, SqlDiagnostic, SqlLocation, SqlSpan, StopMode, Udf, UdfLanguage,
    Validation,
};
