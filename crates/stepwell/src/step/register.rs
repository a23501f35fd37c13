use crate::{
    Registered, Resolved, Submission,
    state::{Evidence, Origin, State},
};

impl<O: Origin> Submission<Resolved<O>>
where
    Resolved<O>: State,
{
    /// Registers the pipeline with the shutdown: from here on it is one that runs, not one that is being made.
    ///
    /// Sends nothing, waits for nothing and cannot fail.
    pub fn register(self) -> Submission<Registered> {
        let created = self.state.origin.is_created();
        let Self { context, state } = self;
        let state = Registered {
            pipeline: state.pipeline,
            baseline: state.baseline,
            evidence: Some(Evidence {
                graph: state.validated.graph,
                created,
                differences: state.differences,
            }),
        };
        tracing::debug!(pipeline.id = %state.pipeline.id, state.to = ?state, "registered");
        Submission { context, state }
    }
}
