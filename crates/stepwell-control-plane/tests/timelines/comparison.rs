//! Whether the model has shown what a real Arroyo was recorded with, in the same order.

use crate::{
    observation::{Job, Observation},
    recording::Timeline,
};

/// The controller's pause between two looks, in microseconds: what was asked for becomes visible within it.
const LOOK: u64 = 500_000;

/// From here on, in microseconds, a first answer is late: what happened before it was not recorded. Where polling went on at once, the
/// first answer is there within 0.1 s.
const LATE: u64 = 250_000;

/// Which time of the model is which of the recording. One that stays must stay in both, and one that is new must be new in both.
#[derive(Default)]
pub struct Times(Vec<(u64, u64)>);

impl Times {
    /// Whether both jobs are the same but for the clock, and if so, whatever that says of the times is kept.
    pub fn agree(&mut self, recorded: &Job, model: &Job) -> bool {
        let pairs = [
            (recorded.start_time, model.start_time),
            (recorded.finish_time, model.finish_time),
        ];
        let mut new = Vec::new();
        for pair in pairs {
            match pair {
                (None, None) => {}
                (Some(recorded), Some(model)) => new.push((recorded, model)),
                _ => return false,
            }
        }
        let contradicted = new.iter().any(|(recorded, model)| {
            let mut known = self.0.iter();
            known.any(|known| (known.0 == *recorded) != (known.1 == *model))
        });
        let same = Job {
            start_time: model.start_time,
            finish_time: model.finish_time,
            ..recorded.clone()
        } == *model;
        if contradicted || !same {
            return false;
        }
        self.0.extend(new);
        true
    }
}

/// Compares what the model showed since the request with a timeline. Each recorded line has to be found, in order, and what is left over
/// has to be something that [`may_be_missed`].
pub fn compare(timeline: &Timeline, model: &[Observation], times: &mut Times) {
    let mut place = 0;
    let mut found_any = false;
    for recorded in &timeline.observations {
        let found = (place..model.len())
            .take_while(|index| {
                let first_missed = if found_any { place + 1 } else { 0 };
                (first_missed..*index).all(|missed| may_be_missed(timeline, model, missed))
            })
            .find(|index| is_at(recorded, model, *index, times));
        match found {
            Some(index) => place = index,
            None => panic!(
                "{}: the recording goes on with\n{recorded:#?}\nand the model, from there, with\n{:#?}",
                timeline.name,
                &model[place..]
            ),
        }
        found_any = true;
    }
    assert_eq!(
        &model[place + 1..],
        &[],
        "{}: the model does more than was recorded",
        timeline.name
    );
}

/// Whether a recorded line is what the model shows at this place. The recorded job was asked for first and its pipeline after it, so that
/// the pipeline may already be a step further; such a line stands for both of its places.
fn is_at(recorded: &Observation, model: &[Observation], index: usize, times: &mut Times) -> bool {
    let offers = model[index..].iter().take(2);
    offers
        .into_iter()
        .any(|shown| shown.offer == recorded.offer)
        && times.agree(&recorded.job, &model[index].job)
}

/// What the model shows and the recording could not: every exception there is.
fn may_be_missed(timeline: &Timeline, model: &[Observation], index: usize) -> bool {
    let missed = &model[index];
    // What was over, at the latest, with the controller's next look, when the first answer came late.
    let before_the_first_answer = timeline.observations[0].at >= LATE
        && model
            .get(index + 1)
            .is_some_and(|next| next.at - model[0].at <= LOOK);
    // After Recovering the state is written some milliseconds before the new run's number, which polling every 50 ms saw once of ten
    // times.
    let before_the_number = index > 0
        && missed.job.state == "Scheduling"
        && model[index - 1].job.state == "Recovering"
        && model[index - 1].job.run_id == missed.job.run_id;
    before_the_first_answer || before_the_number
}
