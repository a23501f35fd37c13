//! What was done to a pipeline, step by step, and the timelines recorded meanwhile.

use stepwell_arroyo::ErrorDomain;
use stepwell_control_plane::{Generation, Options};

use crate::{player::Player, recording::Recorded};

pub enum Step {
    /// Sends the recorded request of this name; the answer must be as recorded.
    Ask(&'static str),
    /// Sends a create that was not recorded.
    Create,
    /// Sends a stop that was not recorded.
    Stop(&'static str),
    /// Forgets what was shown so far: the next timeline begins here.
    Watch,
    /// Lets time pass, and workers work, until the job is in this state.
    Until(&'static str),
    /// Runs this many ticks, and carries out the commands that follow.
    Looks(usize),
    /// Fails the current run with this error.
    Fail(&'static str, ErrorDomain),
    /// Fails the current run with this error, which another run may avoid.
    FailForNow(&'static str, ErrorDomain),
    /// Loses the worker of the current run.
    Lose,
    /// Ends the sources of the current run.
    Finish,
    /// Lets this many seconds pass without any activity.
    Pass(u64),
    /// Makes workers ignore their commands.
    Silence,
    /// Makes workers carry out their commands again.
    Answer,
    /// Restarts the server with its stored records.
    RestartServer,
    /// Compares what the model has shown with this timeline.
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

    /// A story for a server of this generation.
    pub fn of(generation: Generation, steps: Vec<Step>) -> Self {
        let mut story = Self::new(steps);
        story.options.generation = generation;
        story
    }

    /// The recordings that its names refer to.
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

    /// The exchanges that it repeats.
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
