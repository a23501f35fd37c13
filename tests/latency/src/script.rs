use std::time::Duration;

/// The states of one job that a server shows over time, from the beginning of the wait.
#[derive(Clone, Debug)]
pub struct JobScript {
    pub name: String,
    /// The time from which a state is shown, the state, and its run. The first time is zero.
    pub steps: Vec<(Duration, String, u64)>,
}

impl JobScript {
    /// A script of Created, Scheduling and Running.
    pub fn start(name: impl Into<String>, scheduling: Duration, running: Duration) -> Self {
        Self {
            name: name.into(),
            steps: vec![
                (Duration::ZERO, "Created".to_owned(), 0),
                (scheduling, "Scheduling".to_owned(), 1),
                (running, "Running".to_owned(), 1),
            ],
        }
    }

    /// The same script for a wait that begins later by `phase`.
    pub fn later(&self, phase: Duration) -> Self {
        let steps = self.steps.iter();
        Self {
            name: self.name.clone(),
            steps: steps
                .map(|(at, state, run)| (at.saturating_sub(phase), state.clone(), *run))
                .collect(),
        }
    }

    /// The time at which the awaited state is shown.
    pub fn end(&self) -> Duration {
        self.steps.last().unwrap().0
    }

    /// The state and the run at a time.
    pub fn at(&self, time: Duration) -> (&str, u64) {
        let mut shown = &self.steps[0];
        for step in &self.steps[1..] {
            if step.0 <= time {
                shown = step;
            }
        }
        (&shown.1, shown.2)
    }
}
