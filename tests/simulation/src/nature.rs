//! How the server of one run behaves.

use std::time::Duration;

use stepwell_control_plane::{Generation, Scheduler};

use crate::{Chance, fault::Focus, purpose::Purpose};

#[derive(Clone, Copy, Debug)]
pub struct Nature {
    pub generation: Generation,
    /// Whether only some of its nodes take ids.
    pub mixed: bool,
    /// How long the controller takes between two looks, in milliseconds.
    pub tick: u64,
    /// Whether it is restarted now and then.
    pub restarts: bool,
    /// The most rows that a page of the list has, whatever is asked for: a gateway may cap it.
    pub page: Option<usize>,
    /// The resolution of `created_at`.
    pub resolution: Duration,
    /// How long a new pipeline does not show to readers.
    pub lag: Duration,
    /// Of a hundred runs, how many fail and how many finish.
    pub failing: u64,
    pub finite: u64,
    /// Whether jobs fail now and then, and have recovered a moment later.
    pub blinks: bool,
    /// Whether a job has failed as soon as its run has.
    pub fails_again: bool,
    /// Whether jobs run without tasks.
    pub no_tasks: bool,
}

impl Nature {
    pub fn draw(focus: Option<Focus>, chance: &mut Chance) -> Self {
        let drawn = Self::any(chance);
        match focus.map(|focus| focus.purpose) {
            Some(Purpose::CreateByPut) => Self {
                generation: Generation::V0_16,
                mixed: false,
                ..drawn
            },
            Some(Purpose::CreateByPost) => Self {
                generation: released(chance),
                mixed: false,
                ..drawn
            },
            Some(Purpose::NextPage) => Self {
                page: Some(usize::try_from(1 + chance.below(4)).unwrap()),
                resolution: Duration::from_millis(1),
                ..drawn
            },
            Some(Purpose::Errors) => Self {
                failing: 100,
                ..drawn
            },
            _ => drawn,
        }
    }

    fn any(chance: &mut Chance) -> Self {
        let generation = if chance.percent(45) {
            Generation::V0_16
        } else {
            released(chance)
        };
        Self {
            generation,
            mixed: generation.takes_ids() && chance.percent(25),
            tick: match chance.below(10) {
                0..=5 => 500,
                _ => 1_000 + chance.below(3_000),
            },
            restarts: chance.percent(15),
            page: chance
                .percent(35)
                .then(|| usize::try_from(1 + chance.below(4)).unwrap()),
            resolution: match chance.below(4) {
                0 => Duration::from_millis(1),
                1 | 2 => Duration::from_secs(1),
                _ => Duration::from_secs(5),
            },
            lag: if chance.percent(25) {
                chance.millis(1, 3_000)
            } else {
                Duration::ZERO
            },
            failing: if chance.percent(25) { 50 } else { 0 },
            finite: if chance.percent(15) { 60 } else { 0 },
            blinks: false,
            fails_again: false,
            no_tasks: false,
        }
    }

    /// Whether a client chooses the ids of its pipelines; with `mixed` some nodes refuse that.
    pub fn takes_ids(&self) -> bool {
        self.generation.takes_ids()
    }

    /// Whether workers go on that were told to end.
    pub fn hangs(&self) -> bool {
        self.generation == Generation::V0_15(Scheduler::Embedded)
    }

    /// A controller that keeps to the two ticks of 0.5 s that the library counts on.
    pub fn is_prompt(&self) -> bool {
        self.tick <= 500 && !self.restarts
    }
}

/// A 0.15.0. It has chance of its own: the rest of a seed stays as it is.
fn released(chance: &Chance) -> Generation {
    let mut chance = Chance::new(chance.clone().draw());
    Generation::V0_15(if chance.percent(30) {
        Scheduler::Embedded
    } else {
        Scheduler::Process
    })
}
