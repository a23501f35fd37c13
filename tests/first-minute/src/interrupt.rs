/// When to press Ctrl-C.
#[derive(Clone, Debug)]
pub(crate) enum Interrupt {
    Never,
    /// Once the command prints rows, or says that it is running.
    WhenItRuns,
    /// After this many rows, and these messages or no new ones for a while.
    After {
        rows: usize,
        messages: Vec<String>,
    },
    /// After this many rows, and no new messages for a moment.
    Recorded {
        rows: usize,
    },
}
