use std::time::Duration;

use stepwell_arroyo::{PipelineEdge, PipelineGraph, PipelineNode, SqlDiagnostic, Udf};
use tokio::time::Instant;

use crate::{
    Environment, Plan, PlanFailure,
    testing::{Chance, workers::OPERATORS},
};

/// The time at which every test begins, in microseconds of Unix time: 2026-11-25 02:47:39 UTC.
const BEGINNING: u64 = 1_795_574_859_000_000;

/// How many letters and digits an id of a real server has.
const ID_LENGTH: usize = 10;

/// An [`Environment`] for tests: a clock that the test moves or that follows tokio's, reproducible ids, and a planner that accepts every
/// query except those it was told to refuse.
///
/// ```
/// use std::time::Duration;
/// use stepwell_control_plane::{Environment as _, testing::TestEnvironment};
///
/// let mut environment = TestEnvironment::new();
/// let began = environment.now();
/// environment.advance(Duration::from_secs(2));
/// assert_eq!(environment.now() - began, 2_000_000);
/// assert_eq!(environment.new_id("pl_"), "pl_1");
/// assert!(environment.plan("SELECT 1", &[], 1).is_ok());
/// ```
#[derive(Clone, Debug, Default)]
pub struct TestEnvironment {
    /// When the clock started, if it follows tokio's.
    began: Option<Instant>,
    advanced: Duration,
    ids: u64,
    chance: Option<Chance>,
    refused: Vec<Refused>,
}

#[derive(Clone, Debug)]
struct Refused {
    fragment: String,
    diagnostics: Vec<SqlDiagnostic>,
}

impl TestEnvironment {
    /// Creates an environment whose clock stands still until [`advance`](Self::advance) moves it. Ids are counted: `pl_1`, `job_2`.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`new`](Self::new), with a clock that follows tokio's, which may be paused.
    pub fn on_tokio_clock() -> Self {
        Self {
            began: Some(Instant::now()),
            ..Self::default()
        }
    }

    /// Draws ids from a seed, ten letters and digits as on a real server, instead of counting them.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.chance = Some(Chance::new(seed));
        self
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, time: Duration) {
        self.advanced += time;
    }

    /// Moves the clock forward to this time since the beginning, unless it is already later.
    pub(crate) fn advance_to(&mut self, elapsed: Duration) {
        self.advance(elapsed.saturating_sub(self.elapsed()));
    }

    /// The time since the environment was created.
    pub fn elapsed(&self) -> Duration {
        let ran = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        ran + self.advanced
    }

    /// Refuses queries that contain `fragment`, with these diagnostics. An empty fragment matches every query.
    pub fn refuse_queries(
        &mut self,
        fragment: impl Into<String>,
        diagnostics: impl IntoIterator<Item = SqlDiagnostic>,
    ) {
        self.refused.push(Refused {
            fragment: fragment.into(),
            diagnostics: diagnostics.into_iter().collect(),
        });
    }

    /// Accepts all queries again.
    pub fn accept_queries(&mut self) {
        self.refused.clear();
    }
}

impl Environment for TestEnvironment {
    fn now(&self) -> u64 {
        BEGINNING + u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX - BEGINNING)
    }

    fn new_id(&mut self, prefix: &str) -> String {
        match &mut self.chance {
            Some(chance) => drawn_id(prefix, chance),
            None => {
                self.ids += 1;
                format!("{prefix}{}", self.ids)
            }
        }
    }

    fn plan(&mut self, query: &str, _udfs: &[Udf], parallelism: u32) -> Result<Plan, PlanFailure> {
        let refused = self
            .refused
            .iter()
            .find(|refused| query.contains(&refused.fragment));
        if let Some(refused) = refused {
            return Err(PlanFailure::Diagnostics(refused.diagnostics.clone()));
        }
        let nodes = (0..OPERATORS)
            .map(|id| PipelineNode::new(id, "operator", "Operator", parallelism))
            .collect();
        let edges = (1..OPERATORS)
            .map(|id| PipelineEdge::forward(id - 1, id))
            .collect();
        Ok(Plan::new(PipelineGraph::new(nodes, edges)))
    }
}

fn drawn_id(prefix: &str, chance: &mut Chance) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = prefix.to_owned();
    for _ in 0..ID_LENGTH {
        let drawn = usize::try_from(chance.below(LETTERS.len() as u64)).unwrap_or_default();
        id.push(char::from(LETTERS[drawn]));
    }
    id
}
