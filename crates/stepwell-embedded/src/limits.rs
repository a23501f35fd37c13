//! Limits of the engine.

/// The greatest parallelism of a pipeline; more is refused. One task drives all subtasks of a pipeline, so more subtasks do not make it
/// faster.
pub const MAX_PARALLELISM: u32 = 128;
