//! `stepwell list --watch`.

use std::{fmt::Write as _, time::Duration};

use serde_json::json;
use stepwell::{JobState, PipelineId};
use tokio::time::{Instant, sleep};

use super::{as_json, as_table, read, selection::Selected};
use crate::{
    arguments::ListArguments,
    exit::Exit,
    failure::Failure,
    interruption::Interruptions,
    listing::ListedPipeline,
    output::Output,
    standard_output::{self, Reader},
};

/// The least time between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How many times the duration of a look the next one waits: a large list takes a server some time.
const REST: u32 = 9;

/// How long looks may fail, one after the other.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn watch(arguments: ListArguments, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let mut watch = Watch {
        arguments,
        output,
        shown: None,
        was_at_rest: false,
    };
    let first = interruptions.unless_interrupted(watch.look()).await?;
    if first == Reader::HasGone {
        return Ok(Exit::Success);
    }
    interruptions.until_interrupted(watch.go_on()).await
}

struct Watch<'a> {
    arguments: ListArguments,
    output: &'a Output,
    /// What was shown last.
    shown: Option<Vec<Row>>,
    was_at_rest: bool,
}

/// What is shown of a pipeline, except its age.
#[derive(Clone, PartialEq, Eq)]
struct Row {
    id: PipelineId,
    name: String,
    job: Option<(JobState, u64)>,
}

impl Watch<'_> {
    async fn go_on(&mut self) -> Result<Exit, Failure> {
        let mut failing_since = None;
        let mut pause = PAUSE;
        loop {
            sleep(pause).await;
            let began = Instant::now();
            match self.look().await {
                Ok(Reader::HasGone) => return Ok(Exit::Success),
                Ok(Reader::Reads) => {
                    if failing_since.take().is_some() {
                        self.output.note("the list can be read again");
                    }
                }
                Err(failure) if may_pass(&failure) => {
                    if failing_since.is_none() {
                        let causes = failure.causes().join(": ");
                        self.output
                            .warning(&format!("{failure}: {causes}; trying again"));
                    }
                    let since: &mut Instant = failing_since.get_or_insert(began);
                    if since.elapsed() >= PATIENCE {
                        return Err(failure);
                    }
                }
                Err(failure) => return Err(failure),
            }
            pause = PAUSE.max(began.elapsed() * REST);
        }
    }

    /// Reads the list, and shows it if it has changed. The place is opened anew: the process that uses a state directory may have ended.
    async fn look(&mut self) -> Result<Reader, Failure> {
        let place = self.arguments.place.open().await?;
        let is_at_rest = place.at_rest().is_some();
        if is_at_rest && !self.was_at_rest {
            place.show(self.output);
        }
        self.was_at_rest = is_at_rest;
        let all = read(&place.client(), &self.arguments.selection).await?;
        let Selected { listed, note } = self.arguments.selection.of(&all);
        let rows: Vec<_> = listed.iter().map(|listed| Row::of(listed)).collect();
        if self.shown.as_ref() == Some(&rows) {
            return Ok(Reader::Reads);
        }
        if let Some(note) = note {
            self.output.note(&note);
        }
        let text = if self.output.is_json() {
            self.changes(&listed)
        } else {
            let between = if self.shown.is_some() { "\n" } else { "" };
            format!("{between}{}", as_table(&listed, &all))
        };
        self.shown = Some(rows);
        standard_output::print_some(text).await
    }

    /// One line of JSON for each pipeline that is new, has changed, or is no longer listed.
    fn changes(&self, listed: &[&ListedPipeline]) -> String {
        let shown = self.shown.as_deref().unwrap_or_default();
        let changed = listed
            .iter()
            .filter(|listed| !shown.contains(&Row::of(listed)));
        let mut lines: String = changed.map(|listed| as_json(listed)).collect();
        for row in shown {
            if listed.iter().all(|listed| listed.id != row.id) {
                let line = json!({"id": row.id, "name": row.name, "gone": true});
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "{line}");
            }
        }
        lines
    }
}

impl Row {
    fn of(listed: &ListedPipeline) -> Self {
        Self {
            id: listed.id.clone(),
            name: listed.name.clone(),
            job: listed
                .job
                .as_ref()
                .map(|job| (job.state.clone(), job.run_id)),
        }
    }
}

/// Whether a look that failed so may succeed later.
fn may_pass(failure: &Failure) -> bool {
    matches!(failure, Failure::Call { source } if source.is_retryable())
}
