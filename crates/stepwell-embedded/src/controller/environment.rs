//! What the control plane needs from outside: the time, ids and plans.

use std::time::{SystemTime, UNIX_EPOCH};

use stepwell_arroyo::Udf;
use stepwell_control_plane::{Environment, Plan, PlanFailure};

use super::identifiers::Identifiers;
use crate::plan::Planner;
use crate::plan::supported::refuse_user_defined_functions;

/// The control plane's view of this process.
#[derive(Debug)]
pub(crate) struct EngineEnvironment {
    identifiers: Identifiers,
    planner: Planner,
}

impl EngineEnvironment {
    pub(crate) fn new(planner: Planner) -> Self {
        Self {
            identifiers: Identifiers::default(),
            planner,
        }
    }

    pub(crate) fn planner(&self) -> &Planner {
        &self.planner
    }
}

impl Environment for EngineEnvironment {
    fn now(&self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn new_id(&mut self, prefix: &str) -> String {
        self.identifiers.next(prefix)
    }

    fn plan(&mut self, query: &str, udfs: &[Udf], parallelism: u32) -> Result<Plan, PlanFailure> {
        if !udfs.is_empty() {
            return Err(PlanFailure::InvalidUdf(refuse_user_defined_functions()));
        }
        let planned = self
            .planner
            .plan(query, parallelism)
            .map_err(PlanFailure::Diagnostics)?;
        Ok(Plan::new(planned.graph))
    }
}
