//! Which pipelines are listed, and in which order.

use stepwell::arroyo::JobState;

use crate::{
    arguments::{Selection, Sort},
    listing::ListedPipeline,
};

/// The state of a pipeline without a job.
const NONE: &str = "none";

/// The known states.
const STATES: [JobState; 14] = [
    JobState::Created,
    JobState::Compiling,
    JobState::Scheduling,
    JobState::Running,
    JobState::Rescaling,
    JobState::CheckpointStopping,
    JobState::Stopping,
    JobState::Stopped,
    JobState::Recovering,
    JobState::Restarting,
    JobState::Finishing,
    JobState::Finished,
    JobState::Failing,
    JobState::Failed,
];

/// The selected pipelines, and a note if there are none.
pub(super) struct Selected<'a> {
    pub(super) listed: Vec<&'a ListedPipeline>,
    pub(super) note: Option<String>,
}

impl Selection {
    /// Whether the name is selected, regardless of the state.
    pub(super) fn takes_name(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        match self.name.as_deref().map(str::to_lowercase) {
            None => true,
            Some(pattern) if pattern.contains(['*', '?']) => fits(&name, &pattern),
            Some(text) => name.contains(&text),
        }
    }

    /// Selects from `all`, which is newest first.
    pub(super) fn of<'a>(&self, all: &'a [ListedPipeline]) -> Selected<'a> {
        let mut listed: Vec<_> = all
            .iter()
            .filter(|listed| self.takes_name(&listed.name) && self.takes_state(listed))
            .collect();
        // The sorts are stable, so equal pipelines stay newest first.
        match self.sort {
            Sort::Age => {}
            Sort::Name => listed.sort_by_key(|listed| listed.name.to_lowercase()),
            Sort::State => listed.sort_by_key(|listed| state(listed).to_lowercase()),
        }
        let note = if listed.is_empty() {
            Some(self.nothing(all))
        } else {
            None
        };
        Selected { listed, note }
    }

    fn takes_state(&self, listed: &ListedPipeline) -> bool {
        let mut wanted = self.state.iter();
        self.state.is_empty() || wanted.any(|wanted| is_same(wanted, state(listed)))
    }

    /// Why nothing is listed. A state that is not known may be a typo, or a state of a newer server.
    fn nothing(&self, all: &[ListedPipeline]) -> String {
        if all.is_empty() {
            return "there are no pipelines".to_owned();
        }
        let known = |wanted: &str| {
            is_same(wanted, NONE) || STATES.iter().any(|state| is_same(wanted, state.as_str()))
        };
        match self.state.iter().find(|wanted| !known(wanted)) {
            Some(unknown) => {
                let states: Vec<_> = STATES.iter().map(JobState::as_str).collect();
                format!(
                    "no pipeline is in a state {unknown:?}; the usual states are {} and {NONE}",
                    states.join(", ")
                )
            }
            None => format!("none of the {} pipelines matches", all.len()),
        }
    }
}

fn state(listed: &ListedPipeline) -> &str {
    let job = listed.job.as_ref();
    job.map_or(NONE, |job| job.state.as_str())
}

fn is_same(wanted: &str, state: &str) -> bool {
    wanted.trim().eq_ignore_ascii_case(state)
}

/// Whether the whole text matches a pattern, in which * is any text and ? any character.
fn fits(text: &str, pattern: &str) -> bool {
    let text: Vec<_> = text.chars().collect();
    let pattern: Vec<_> = pattern.chars().collect();
    let (mut at, mut of) = (0, 0);
    // The last star, and the position in the text after what it matches.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(character) if *character == '?' || *character == text[at] => {
                at += 1;
                of += 1;
            }
            _ => {
                // The star matches one more character.
                let Some((place, taken)) = star else {
                    return false;
                };
                star = Some((place, taken + 1));
                (at, of) = (taken + 1, place + 1);
            }
        }
    }
    pattern[of..].iter().all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use stepwell::{
        PipelineId,
        arroyo::{Job, JobId},
    };

    use super::*;

    fn listed(name: &str, state: Option<&str>) -> ListedPipeline {
        let id = PipelineId::from_server(format!("pl_{name}"));
        let job = state.map(|state| {
            let mut job = Job::new(JobId::from_server("job"), id.clone(), 1);
            job.state = JobState::from(state);
            job
        });
        ListedPipeline {
            id,
            name: name.to_owned(),
            created_at: 1,
            job,
        }
    }

    fn names(selection: &Selection, all: &[ListedPipeline]) -> String {
        let selected = selection.of(all).listed;
        let names: Vec<_> = selected.iter().map(|listed| listed.name.as_str()).collect();
        names.join(" ")
    }

    #[test]
    fn a_pattern_fits_all_of_a_text() {
        for (text, pattern, expected) in [
            ("orders", "*", true),
            ("", "*", true),
            ("orders", "ord*", true),
            ("orders", "*ers", true),
            ("orders", "o*r*s", true),
            ("orders", "?rders", true),
            ("orders", "ord", false),
            ("orders", "?orders", false),
            ("aaab", "*aab", true),
            ("aaab", "a*a*c", false),
            ("päron", "p?ron", true),
        ] {
            assert_eq!(fits(text, pattern), expected, "{text:?} and {pattern:?}");
        }
    }

    #[test]
    fn states_and_names_choose_and_an_order_arranges() {
        let all = [
            listed("Orders-2", Some("Running")),
            listed("shops", Some("Failed")),
            listed("orders-1", Some("Running")),
            listed("half", None),
        ];
        let select = |state: &[&str], name: Option<&str>, sort| Selection {
            state: state.iter().map(|&state| state.to_owned()).collect(),
            name: name.map(str::to_owned),
            sort,
        };
        for (selection, expected) in [
            (select(&[], None, Sort::Age), "Orders-2 shops orders-1 half"),
            (
                select(&[], None, Sort::Name),
                "half orders-1 Orders-2 shops",
            ),
            (
                select(&[], None, Sort::State),
                "shops half Orders-2 orders-1",
            ),
            (
                select(&["running", " FAILED"], None, Sort::Age),
                "Orders-2 shops orders-1",
            ),
            (select(&["none"], None, Sort::Age), "half"),
            (select(&[], Some("ORDERS"), Sort::Age), "Orders-2 orders-1"),
            (select(&[], Some("*s"), Sort::Age), "shops"),
            (select(&["Failed"], Some("order"), Sort::Age), ""),
        ] {
            assert_eq!(names(&selection, &all), expected, "{selection:?}");
        }
    }

    #[test]
    fn a_state_that_is_misspelt_is_said_when_nothing_is_listed() {
        let all = [listed("orders", Some("Migrating"))];
        let select = |state: &str| Selection {
            state: vec![state.to_owned()],
            ..Selection::default()
        };
        let note = |state: &str| select(state).of(&all).note.unwrap_or_default();
        assert!(note("runing").contains("no pipeline is in a state \"runing\""));
        assert_eq!(note("running"), "none of the 1 pipelines matches");
        assert_eq!(note("migrating"), "");
        let empty = Selection::default().of(&[]);
        assert_eq!(empty.note.as_deref(), Some("there are no pipelines"));
    }
}
