//! Which pipeline a command is about: what was typed is an id, the beginning of one, or a name.

use std::fmt;

use snafu::Snafu;
use stepwell::{PipelineId, arroyo::Client};

use crate::{
    failure::Failure,
    listing::{self, Listed},
    printable,
};

/// A shorter beginning of an id is more likely a slip.
const SHORTEST_BEGINNING: usize = 4;

/// More candidates than these are counted, not shown.
const SHOWN: usize = 20;

/// Several pipelines fit.
#[derive(Debug, Snafu)]
#[snafu(display("{} pipelines fit {typed:?}:{}", candidates.len(), Shown(candidates)))]
pub(crate) struct Ambiguous {
    typed: String,
    candidates: Vec<Listed>,
}

impl Ambiguous {
    /// What was typed.
    pub(crate) fn typed(&self) -> &str {
        &self.typed
    }

    /// Ids and names of the pipelines that fit.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = (&str, &str)> {
        let candidates = self.candidates.iter();
        candidates.map(|listed| (listed.id.as_str(), listed.name.as_str()))
    }
}

/// Reads something of the pipeline that was meant. What was typed is taken as an id first, so that an id takes no more requests than
/// what is read; only if there is no such pipeline is the list looked through.
pub(crate) async fn find<T>(
    client: &Client,
    typed: &str,
    read: impl AsyncFn(PipelineId) -> Result<T, Failure>,
    is_missing: impl FnOnce(&Failure) -> bool,
) -> Result<T, Failure> {
    let missing = match read(PipelineId::from_server(typed)).await {
        Err(failure) if is_missing(&failure) => failure,
        read => return read,
    };
    // What a table shows of a long id ends with an ellipsis.
    let text = typed.strip_suffix('…').unwrap_or(typed);
    let mut listed = listing::read(client, |listed| fits(listed, text)).await?;
    listed.retain(|listed| fits(listed, text));
    match listed.as_slice() {
        [] => Err(missing),
        [one] => read(one.id.clone()).await,
        _ => AmbiguousSnafu {
            typed,
            candidates: listed,
        }
        .fail()?,
    }
}

fn fits(listed: &Listed, text: &str) -> bool {
    let is_beginning =
        || text.chars().count() >= SHORTEST_BEGINNING && listed.id.as_str().starts_with(text);
    listed.name == text || is_beginning()
}

/// The candidates, one a line.
struct Shown<'a>(&'a [Listed]);

impl fmt::Display for Shown<'_> {
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
