//! What was done to a pipeline, step by step, and the timelines that were recorded meanwhile.

use stepwell_arroyo::ErrorDomain;
use stepwell_control_plane::{Generation, Options};

use crate::{player::Player, recording::Recorded};

pub enum Step {
    /// The recorded request of this name; its answer must be as recorded.
    Ask(&'static str),
    /// A create that was made and not recorded.
    Create,
    /// A patch that was made and not recorded.
    Stop(&'static str),
    /// What was shown so far is of no account for the next timeline.
    Watch,
    /// Time passes, and workers work, until the job is in this state.
    Until(&'static str),
    /// So many looks of the controller, and all the work that follows.
    Looks(usize),
    /// The current run fails, in these words.
    Fail(&'static str, ErrorDomain),
    /// The current run fails, in these words, and another may do better.
    FailForNow(&'static str, ErrorDomain),
    /// Nothing is heard of the current run's worker any more.
    Lose,
    /// The current run's sources end.
    Finish,
    /// So many seconds pass, and nobody does anything.
    Pass(u64),
    /// Workers no longer do what they are told.
    Silence,
    /// Workers do again what they are told.
    Answer,
    /// The server is restarted with what it had kept.
    RestartServer,
    /// What the model has shown is this timeline.
    Expect(&'static str),
}

pub struct Story {
    pub options: Options,
    pub steps: Vec<Step>,
}

impl Story {
    pub fn new(steps: Vec<Step>) -> Self {
        Self {
            options: Options::default(),
            steps,
        }
    }

    /// What is done to a server of this generation.
    pub fn of(generation: Generation, steps: Vec<Step>) -> Self {
        let mut story = Self::new(steps);
        story.options.generation = generation;
        story
    }

    /// The recordings that its names are from.
    pub fn recorded(&self) -> Recorded {
        match self.options.generation {
            Generation::V0_15(_) => Recorded::V0_15,
            _ => Recorded::V0_16,
        }
    }

    /// The timelines that it is compared with.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Expect(name) => Some(*name),
            _ => None,
        })
    }

    /// The exchanges that it asks again.
    pub fn asked(&self) -> impl Iterator<Item = &'static str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Ask(name) => Some(*name),
            _ => None,
        })
    }

    pub fn play(self) {
        let mut player = Player::new(self.recorded(), self.options);
        for step in self.steps {
            player.step(&step);
        }
    }
}
