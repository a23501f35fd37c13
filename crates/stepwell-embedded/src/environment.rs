//! What the control plane takes from outside: time, ids, and plans.

use std::time::{SystemTime, UNIX_EPOCH};

use stepwell_arroyo::Udf;
use stepwell_control_plane::{Environment, Plan, PlanFailure};

use crate::identifiers::Identifiers;
use crate::planner::Planner;

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
            return Err(PlanFailure::InvalidUdf(
                "the embedded engine does not support user-defined functions; an Arroyo cluster does (--server URL)"
                    .to_owned(),
            ));
        }
        let planned = self
            .planner
            .plan(query, parallelism)
            .map_err(PlanFailure::Diagnostics)?;
        Ok(Plan::new(planned.graph))
    }
}
