//! Whether the model has shown what a real Arroyo was recorded with, in the same order.

use crate::{observation::Observation, recording::Timeline, times::Times};

/// The controller's pause between two looks, in microseconds: what was asked for becomes visible within it.
const LOOK: u64 = 500_000;

/// From here on, in microseconds, a first answer is late: what happened before it was not recorded. Where polling went on at once, the
/// first answer is there within 0.1 s.
const LATE: u64 = 250_000;

/// Compares what the model showed since the request with a timeline. Each recorded line has to be found, in order, and what is left over
/// has to be something that [`may_be_missed`].
pub fn compare(
    timeline: &Timeline,
    model: &[Observation],
    times: &mut Times,
) -> Result<(), String> {
    let mut place = None;
    for recorded in &timeline.observations {
        // A torn line and the whole one after it may be the same place.
        let found = (place.unwrap_or(0)..model.len())
            .take_while(|index| {
                let mut missed = place.map_or(0, |place| place + 1)..*index;
                missed.all(|index| may_be_missed(timeline, model, index, place.is_none()))
            })
            .find(|index| is_at(recorded, model, *index, times));
        if found.is_none() {
            let name = &timeline.name;
            let rest = &model[place.unwrap_or(0)..];
            return Err(format!(
                "{name}: the recording goes on with\n{recorded:#?}\nand the model with\n{rest:#?}"
            ));
        }
        place = found;
    }
    match &model[place.map_or(0, |place| place + 1)..] {
        [] => Ok(()),
        more => Err(format!(
            "{}: more than was recorded: {more:#?}",
            timeline.name
        )),
    }
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
fn may_be_missed(
    timeline: &Timeline,
    model: &[Observation],
    index: usize,
    nothing_yet: bool,
) -> bool {
    let missed = &model[index];
    // What was over, at the latest, with the controller's next look, when the first answer came late.
    let before_the_first_answer = nothing_yet
        && timeline.observations[0].at >= LATE
        && model
            .get(index + 1)
            .is_some_and(|next| next.at - model[0].at <= LOOK);
    // After Recovering the state is written some milliseconds before the new run's number: polling every 50 ms seldom sees that.
    let before_the_number = index > 0
        && missed.job.state == "Scheduling"
        && model[index - 1].job.state == "Recovering"
        && model[index - 1].job.run_id == missed.job.run_id;
    // A worker that is a process is torn down within milliseconds at 0.15: polling every 30 ms saw 3 of 20.
    let torn_down = missed.job.state == "Recovering"
        && model
            .get(index + 1)
            .is_some_and(|next| next.job.run_id > missed.job.run_id);
    before_the_first_answer || before_the_number || torn_down
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Recorded, timelines_of};

    fn timelines() -> impl Iterator<Item = Timeline> {
        let both = [Recorded::V0_15, Recorded::V0_16];
        both.into_iter().flat_map(timelines_of)
    }

    /// What a model shows that does what was recorded: of two lines with one job the later one is torn.
    fn faithful(timeline: &Timeline) -> Vec<Observation> {
        let mut model = timeline.observations.clone();
        model.dedup_by(|later, earlier| later.job == earlier.job);
        model
    }

    /// What the comparison says of a faithful model but for one change.
    fn changed(
        timeline: &Timeline,
        change: impl FnOnce(&mut Vec<Observation>),
    ) -> Result<(), String> {
        let mut model = faithful(timeline);
        change(&mut model);
        compare(timeline, &model, &mut Times::default())
    }

    #[test]
    fn a_faithful_model_is_recognized() {
        for timeline in timelines() {
            changed(&timeline, |_| {}).unwrap();
        }
    }

    #[test]
    fn a_missing_line_is_noticed() {
        for timeline in timelines() {
            for index in 0..faithful(&timeline).len() {
                changed(&timeline, |model| drop(model.remove(index)))
                    .expect_err(&format!("{} without line {index}", timeline.name));
            }
        }
    }

    #[test]
    fn a_line_too_many_is_noticed() {
        for timeline in timelines() {
            for index in 1..=faithful(&timeline).len() {
                changed(&timeline, |model| {
                    let mut more = model[index - 1].clone();
                    more.job.state = "Compiling".to_owned();
                    model.insert(index, more);
                })
                .expect_err(&format!("{} with one more line {index}", timeline.name));
            }
        }
    }

    #[test]
    fn a_start_time_that_is_new_and_was_kept_is_noticed() {
        let mut compared = 0;
        for timeline in timelines() {
            let [.., before, last] = timeline.observations.as_slice() else {
                continue;
            };
            if last.job.start_time.is_none() || before.job.start_time != last.job.start_time {
                continue;
            }
            changed(&timeline, |model| {
                let last = model.last_mut().unwrap();
                last.job.start_time = Some(1);
            })
            .expect_err(&timeline.name);
            compared += 1;
        }
        assert!(compared > 40, "{compared}");
    }
}
