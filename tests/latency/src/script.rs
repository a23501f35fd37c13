use std::time::Duration;

/// What a server shows of one job, from when on, since the wait began.
#[derive(Clone, Debug)]
pub struct Script {
    pub name: String,
    /// State, run, and from when on; the first from the beginning.
    pub steps: Vec<(Duration, String, u64)>,
}

impl Script {
    /// Created, then Scheduling, then Running.
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

    /// The same, when it is looked at only from `phase` on.
    pub fn later(&self, phase: Duration) -> Self {
        let steps = self.steps.iter();
        Self {
            name: self.name.clone(),
            steps: steps
                .map(|(at, state, run)| (at.saturating_sub(phase), state.clone(), *run))
                .collect(),
        }
    }

    /// When it comes to what is waited for.
    pub fn end(&self) -> Duration {
        self.steps.last().unwrap().0
    }

    /// What is shown at that time.
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
