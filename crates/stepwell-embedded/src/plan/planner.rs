//! Plans queries on threads with large stacks, and caches the last outcomes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use serde::Deserialize;
use stepwell_arroyo::SqlDiagnostic;
use tokio::task;

use super::query::{Planned, plan};
use super::supported::too_deep;

/// The parser and the planner recurse into expressions, deeper than a usual stack allows. Only the part that is used costs memory.
const STACK: usize = 64 * 1024 * 1024;
/// How many outcomes are cached. A create is followed by the start of the same query, so the last few are enough.
const KEPT: usize = 16;

type Outcome = Result<Planned, Vec<SqlDiagnostic>>;

/// Plans queries. Clones share the cache.
#[derive(Clone, Default)]
pub(crate) struct Planner {
    kept: Arc<Mutex<VecDeque<Kept>>>,
}

struct Kept {
    query: String,
    parallelism: u32,
    outcome: Outcome,
}

/// The part of a request body that is needed to plan its query.
#[derive(Deserialize)]
struct Asked {
    query: String,
    #[serde(default = "one")]
    parallelism: u32,
}

fn one() -> u32 {
    1
}

impl Planner {
    /// Plans a query. Blocks.
    pub(crate) fn plan(&self, query: &str, parallelism: u32) -> Outcome {
        if let Some(outcome) = self.kept(query, parallelism) {
            return outcome;
        }
        let outcome = on_deep_stack(query, parallelism);
        self.keep(query, parallelism, &outcome);
        outcome
    }

    /// Plans the query in a request's body, if there is one, and caches the outcome for the controller, which must not be blocked.
    pub(crate) async fn plan_ahead(&self, body: &Bytes) {
        let Ok(Asked { query, parallelism }) = serde_json::from_slice(body) else {
            return;
        };
        let planner = self.clone();
        // If this fails, the controller plans the query itself.
        let _ = task::spawn_blocking(move || planner.plan(&query, parallelism)).await;
    }

    fn kept(&self, query: &str, parallelism: u32) -> Option<Outcome> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept
            .iter()
            .find(|kept| kept.parallelism == parallelism && kept.query == query);
        found.map(|kept| kept.outcome.clone())
    }

    fn keep(&self, query: &str, parallelism: u32, outcome: &Outcome) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front(Kept {
            query: query.to_owned(),
            parallelism,
            outcome: outcome.clone(),
        });
    }
}

impl fmt::Debug for Planner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Queries contain passwords.
        formatter.debug_struct("Planner").finish_non_exhaustive()
    }
}

/// Plans a query on a thread of its own, which costs tens of microseconds and contains panics of the planner.
fn on_deep_stack(query: &str, parallelism: u32) -> Outcome {
    // A byte order mark is not part of the query, and columns do not count it.
    let query = query.strip_prefix('\u{FEFF}').unwrap_or(query);
    let outcome = thread::scope(|scope| {
        thread::Builder::new()
            .name("stepwell-planner".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || match too_deep(query) {
                Some(diagnostic) => Err(vec![diagnostic]),
                None => plan(query, parallelism),
            })
            .map(thread::ScopedJoinHandle::join)
    });
    match outcome {
        Ok(Ok(outcome)) => outcome,
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

#[cfg(test)]
mod tests {
    use super::*;

    const IMPULSE: &str = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '1');";

    #[test]
    fn outcomes_are_kept() {
        let planner = Planner::default();
        let good = format!("{IMPULSE} SELECT counter FROM impulse");
        assert!(planner.plan(&good, 1).is_ok());
        assert!(planner.plan("SELECT", 1).is_err());
        assert!(planner.kept(&good, 1).unwrap().is_ok());
        assert!(planner.kept(&good, 2).is_none());
        assert!(planner.kept("SELECT", 1).unwrap().is_err());
        for number in 0..KEPT {
            planner.keep(&number.to_string(), 1, &Err(Vec::new()));
        }
        assert!(planner.kept(&good, 1).is_none());
    }

    #[test]
    fn a_byte_order_mark_is_in_no_column() {
        let planner = Planner::default();
        let place = |query: &str| {
            let refusal = planner.plan(query, 1).map(drop).unwrap_err().remove(0);
            refusal
                .span
                .map(|span| (span.start.line, span.start.column))
        };
        assert_eq!(place("\u{FEFF}SELECT a FROM nope"), Some((1, 15)));
        assert_eq!(place("\u{FEFF}\nSELEC"), Some((2, 1)));
        let good = format!("\u{FEFF}{IMPULSE} SELECT counter FROM impulse");
        assert!(planner.plan(&good, 1).is_ok());
    }

    /// A stack overflow would end the process of the tests.
    #[test]
    fn long_chains_are_refused_and_short_ones_planned() {
        for (length, is_planned) in [(250, true), (300, false), (500_000, false)] {
            for select in [
                format!("SELECT {}1 AS x FROM impulse", "1+".repeat(length)),
                format!(
                    "SELECT counter FROM impulse WHERE {}true",
                    "false OR ".repeat(length)
                ),
                format!(
                    "SELECT {}counter{} FROM impulse",
                    "abs(".repeat(length),
                    ")".repeat(length)
                ),
            ] {
                let planned = Planner::default().plan(&format!("{IMPULSE} {select}"), 1);
                // The parser's own limit on brackets may be lower.
                let is_bracketed = select.contains("abs");
                assert!(
                    planned.is_ok() == is_planned || is_bracketed && planned.is_err(),
                    "{length}: {planned:?}"
                );
            }
        }
    }

    /// A chain of views, each of which reads the one before it.
    fn chain(levels: usize) -> String {
        let view = |level: usize| {
            let from = if level == 0 {
                "impulse".to_owned()
            } else {
                format!("v{}", level - 1)
            };
            format!("CREATE VIEW v{level} AS SELECT counter FROM {from};\n")
        };
        let views: String = (0..levels).map(view).collect();
        format!("{IMPULSE}{views}SELECT counter FROM v{}", levels - 1)
    }

    #[test]
    fn views_are_as_deep_as_can_be_planned_or_refused() {
        let planner = Planner::default();
        assert!(planner.plan(&chain(200), 1).is_ok());
        for levels in [300, 2_500, 20_000] {
            let refusal = planner
                .plan(&chain(levels), 1)
                .map(drop)
                .unwrap_err()
                .remove(0);
            assert!(
                refusal
                    .message
                    .contains("250 views and subqueries that each read the one before"),
                "{refusal:?}"
            );
            assert!(refusal.span.is_some());
        }
    }

    #[test]
    fn views_that_double_are_refused_before_they_are_planned() {
        let union =
            |from: &str| format!("SELECT counter FROM {from} UNION ALL SELECT counter FROM {from}");
        let views = |levels: usize| {
            let view = |level: usize| {
                format!(
                    "CREATE VIEW v{level} AS {};\n",
                    union(&format!("v{}", level - 1))
                )
            };
            let views: String = (1..levels).map(view).collect();
            let last = levels - 1;
            format!(
                "{IMPULSE}CREATE VIEW v0 AS {};\n{views}SELECT counter FROM v{last}",
                union("impulse")
            )
        };
        let tables = |levels: usize| {
            let table =
                |level: usize| format!(", v{level} AS ({})", union(&format!("v{}", level - 1)));
            let tables: String = (1..levels).map(table).collect();
            let last = levels - 1;
            format!(
                "{IMPULSE}WITH v0 AS ({}){tables} SELECT counter FROM v{last}",
                union("impulse")
            )
        };
        let inserts = |count: usize| {
            let insert = "INSERT INTO b SELECT counter FROM impulse;\n".repeat(count);
            format!(
                "{IMPULSE}CREATE TABLE b (n BIGINT UNSIGNED) WITH (connector = 'blackhole');\n{insert}"
            )
        };
        let planner = Planner::default();
        for good in [views(6), tables(6), inserts(100)] {
            planner.plan(&good, 1).map(drop).unwrap();
        }
        for bad in [
            views(16),
            views(24),
            views(60),
            tables(16),
            tables(24),
            inserts(5_000),
        ] {
            let refusal = planner.plan(&bad, 1).map(drop).unwrap_err().remove(0);
            assert!(
                refusal.message.contains("2000 SELECTs together"),
                "{refusal:?}"
            );
            assert!(refusal.span.is_some());
        }
    }

    /// A struct of two of the structs before it.
    #[test]
    fn structs_that_double_are_refused() {
        let view = |level: usize| {
            format!(
                "CREATE VIEW v{level} AS SELECT named_struct('a', s, 'b', s) AS s FROM v{};\n",
                level - 1
            )
        };
        let query = |levels: usize| {
            let views: String = (1..levels).map(view).collect();
            let last = levels - 1;
            format!(
                "{IMPULSE}CREATE VIEW v0 AS SELECT counter AS s FROM impulse;\n{views}SELECT s FROM v{last}"
            )
        };
        let planner = Planner::default();
        planner.plan(&query(8), 1).map(drop).unwrap();
        let refusal = planner.plan(&query(24), 1).map(drop).unwrap_err().remove(0);
        assert!(
            refusal.message.contains("10000 columns and fields"),
            "{refusal:?}"
        );
    }
}
