//! Several pipelines match what was typed.

use std::fmt;

use snafu::Snafu;

use crate::{listing::ListedPipeline, printable};

/// The maximum number of candidates to show. The others are counted.
const SHOWN: usize = 20;

/// Several pipelines match what was typed.
#[derive(Debug, Snafu)]
#[snafu(display("{} pipelines match {typed:?}:{}", candidates.len(), Candidates(candidates)))]
#[snafu(visibility(pub(super)))]
pub(crate) struct Ambiguous {
    typed: String,
    candidates: Vec<ListedPipeline>,
}

impl Ambiguous {
    /// What was typed.
    pub(crate) fn typed(&self) -> &str {
        &self.typed
    }

    /// The ids of the pipelines that match.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.candidates.iter().map(|listed| listed.id.as_str())
    }
}

/// The candidates, one per line.
struct Candidates<'a>(&'a [ListedPipeline]);

impl fmt::Display for Candidates<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for listed in self.0.iter().take(SHOWN) {
            let state = listed.job.as_ref().map_or("-", |job| job.state.as_str());
            write!(
                formatter,
                "\n  {}  {}  {}",
                printable::line(listed.id.as_str()),
                printable::line(state),
                printable::line(&listed.name)
            )?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(formatter, "\n  and {more} more"),
        }
    }
}
