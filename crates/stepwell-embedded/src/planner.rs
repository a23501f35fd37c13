//! Planning queries, on threads with room for deep ones, and keeping what was planned last.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use stepwell_arroyo::SqlDiagnostic;

use crate::sql::{self, Planned};

/// Parsers and planners recurse into expressions, deeper than a usual stack allows. Only what is used of it costs memory.
const STACK: usize = 64 * 1024 * 1024;
/// How many plans are kept. A create is followed by the start of the same query, so the last few are enough.
const KEPT: usize = 16;

/// Plans queries. Clones share what they keep.
#[derive(Clone, Default)]
pub(crate) struct Planner {
    kept: Arc<Mutex<VecDeque<Kept>>>,
}

struct Kept {
    query: String,
    parallelism: u32,
    planned: Planned,
}

impl Planner {
    /// Plans a query; blocks for as long as that takes.
    pub(crate) fn plan(
        &self,
        query: &str,
        parallelism: u32,
    ) -> Result<Planned, Vec<SqlDiagnostic>> {
        if let Some(planned) = self.kept(query, parallelism) {
            return Ok(planned);
        }
        let planned = on_deep_stack(query, parallelism)?;
        self.keep(query, parallelism, &planned);
        Ok(planned)
    }

    fn kept(&self, query: &str, parallelism: u32) -> Option<Planned> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept
            .iter()
            .find(|kept| kept.parallelism == parallelism && kept.query == query);
        found.map(|kept| kept.planned.clone())
    }

    fn keep(&self, query: &str, parallelism: u32, planned: &Planned) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front(Kept {
            query: query.to_owned(),
            parallelism,
            planned: planned.clone(),
        });
    }
}

impl fmt::Debug for Planner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Queries carry passwords.
        formatter.debug_struct("Planner").finish_non_exhaustive()
    }
}

/// A thread a query: it costs tens of microseconds, and a panic in the planner ends there.
fn on_deep_stack(query: &str, parallelism: u32) -> Result<Planned, Vec<SqlDiagnostic>> {
    let planned = thread::scope(|scope| {
        thread::Builder::new()
            .name("stepwell-planner".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || sql::plan(query, parallelism))
            .map(thread::ScopedJoinHandle::join)
    });
    match planned {
        Ok(Ok(planned)) => planned,
        Ok(Err(_panic)) => Err(internal(
            "the embedded engine's planner has a fault that this query shows",
        )),
        Err(error) => Err(internal(&format!(
            "the embedded engine cannot plan now: {error}"
        ))),
    }
}

fn internal(message: &str) -> Vec<SqlDiagnostic> {
    vec![SqlDiagnostic::new(message)]
}
