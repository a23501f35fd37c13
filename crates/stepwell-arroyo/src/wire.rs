//! The wire types of every server generation: 0.12 to 0.14 spell fields in camelCase, 0.15 and later in snake_case; before 0.13 node ids are
//! strings. Every form is read. The newest spelling is written, and both where servers differ in what they read.
//!
//! Unknown fields are ignored, and unknown values are kept.

mod checkpoint;
mod graph;
mod job;
mod json_text;
mod made;
mod named;
mod page;
mod pipeline;
mod request;
mod row;
pub(crate) mod text;
mod validation;

pub use checkpoint::{Checkpoint, CheckpointSpan, CheckpointType};
pub use graph::{PipelineEdge, PipelineGraph, PipelineNode};
pub use job::{ErrorDomain, FailureReason, Job, JobError, JobErrorLevel, JobState};
pub use json_text::JsonText;
pub use made::Made;
pub use page::Page;
pub(crate) use page::{All, EachRow, NewestJob, read_rows};
pub use pipeline::{Pipeline, StopMode, Udf, UdfLanguage};
pub(crate) use request::ValidateQuery;
pub use request::{CreatePipeline, PatchPipeline, RestartPipeline};
pub use row::PipelineRow;
pub use validation::{SqlDiagnostic, SqlLocation, SqlSpan, Validation};
