use stepwell_arroyo::{PipelineGraph, SqlDiagnostic, Udf};

/// What the control plane needs from outside: time, ids and a planner.
pub trait Environment {
    /// Returns the current time, in microseconds of Unix time.
    fn now(&self) -> u64;

    /// Returns a new id with this prefix, such as `pl_`.
    fn new_id(&mut self, prefix: &str) -> String;

    /// Plans a query.
    ///
    /// # Errors
    ///
    /// Fails if the query cannot be planned.
    fn plan(&mut self, query: &str, udfs: &[Udf], parallelism: u32) -> Result<Plan, PlanFailure>;
}

/// A planned query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The operators.
    pub graph: PipelineGraph,
}

impl Plan {
    /// Creates a plan.
    pub fn new(graph: PipelineGraph) -> Self {
        Self { graph }
    }
}

/// Why a query cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanFailure {
    /// It has errors.
    Diagnostics(Vec<SqlDiagnostic>),
    /// A user-defined function cannot be used; the text is the complete message.
    InvalidUdf(String),
}
