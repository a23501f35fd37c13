use stepwell_arroyo::{PipelineGraph, SqlDiagnostic, Udf};

/// What the control plane takes from outside.
pub trait Environment {
    /// The time, in microseconds of Unix time.
    fn now(&self) -> u64;

    /// A new id with this prefix, such as `pl_`.
    fn new_id(&mut self, prefix: &str) -> String;

    /// Plans a query.
    ///
    /// # Errors
    ///
    /// When it cannot be planned.
    fn plan(&mut self, query: &str, udfs: &[Udf], parallelism: u32) -> Result<Plan, PlanFailure>;
}

/// A planned query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Its operators.
    pub graph: PipelineGraph,
}

impl Plan {
    /// A plan.
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
    /// A user-defined function cannot be used; the text is the whole message.
    InvalidUdf(String),
}
