//! What was done to a server without being recorded.

#[derive(Clone, Copy, Debug)]
pub enum Setup {
    /// A create, of what the recording calls `id`.
    Create {
        id: &'static str,
        name: &'static str,
        query: &'static str,
        parallelism: u32,
    },
    /// A create of one that is stopped before it was started.
    CreateNeverStarted {
        id: &'static str,
        name: &'static str,
        query: &'static str,
    },
    /// A patch of a pipeline.
    Patch(&'static str, &'static str),
    /// A restart of a pipeline, until it is in the run of this number.
    Restart(&'static str, u64),
    /// Until the pipeline's job is in this state, and stays there.
    Until(&'static str, &'static str),
    /// A pipeline that prints is told to stop with a checkpoint, and told to run before the checkpoint is there. That comes when
    /// the pipeline has been seen so.
    CallOffTooLate(&'static str),
    /// The engine's process is killed, and started again on what is left.
    Kill,
    /// The engine is closed and started again.
    CloseAndStart,
}
