//! Actions on a server that were not recorded.

#[derive(Clone, Copy, Debug)]
pub enum Setup {
    /// Creates the pipeline that the recording calls `id`.
    Create {
        id: &'static str,
        name: &'static str,
        query: &'static str,
        parallelism: u32,
    },
    /// Creates a pipeline that is stopped before it starts.
    CreateNeverStarted {
        id: &'static str,
        name: &'static str,
        query: &'static str,
    },
    /// Patches a pipeline.
    Patch(&'static str, &'static str),
    /// Restarts a pipeline until it is in the run of this number.
    Restart(&'static str, u64),
    /// Waits until the pipeline's job is in this state for good.
    Until(&'static str, &'static str),
    /// Stops a pipeline that prints with a checkpoint, and starts it before the checkpoint is taken. The checkpoint follows once the
    /// pipeline has been seen in that state.
    CallOffTooLate(&'static str),
    /// Kills the engine, and starts it again on what is left.
    Kill,
    /// Closes the engine and starts it again.
    CloseAndStart,
}
