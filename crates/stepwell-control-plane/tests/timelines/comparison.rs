//! Compares what the model has shown with what was recorded of a real Arroyo, in the same order.

use crate::{observation::Observation, recording::Timeline, times::Times};

/// The time between two ticks, in microseconds: the effect of a request becomes visible within it.
const LOOK: u64 = 500_000;

/// A first answer that comes later than this, in microseconds, is late: what happened before it was not recorded. Where polling started at
/// once, the first answer comes within 0.1 s.
const LATE: u64 = 250_000;

/// Compares what the model showed since the request with a timeline. Each recorded line must be found, in order, and the model may only
/// show more where [`may_be_missed`] allows it.
pub fn compare(
    timeline: &Timeline,
    model: &[Observation],
    times: &mut Times,
) -> Result<(), String> {
    let mut place = None;
    for recorded in &timeline.observations {
        // A torn line and the complete one after it may have the same place.
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

/// Whether a recorded line matches the model at this place. The recording asked for the job first and then for the pipeline, so the
/// pipeline may already be one step further; such a line matches at both of its places.
fn is_at(recorded: &Observation, model: &[Observation], index: usize, times: &mut Times) -> bool {
    let offers = model[index..].iter().take(2);
    offers
        .into_iter()
        .any(|shown| shown.offer == recorded.offer)
        && times.agree(&recorded.job, &model[index].job)
}

/// Whether the recording could not show what the model shows. These are all the exceptions.
fn may_be_missed(
    timeline: &Timeline,
    model: &[Observation],
    index: usize,
    nothing_yet: bool,
) -> bool {
    let missed = &model[index];
    // The first answer came late, and this state ended with the next tick at the latest.
    let before_the_first_answer = nothing_yet
        && timeline.observations[0].at >= LATE
        && model
            .get(index + 1)
            .is_some_and(|next| next.at - model[0].at <= LOOK);
    // After Recovering, the state is written some milliseconds before the new run's number; polling every 50 ms seldom sees that.
    let before_the_number = index > 0
        && missed.job.state == "Scheduling"
        && model[index - 1].job.state == "Recovering"
        && model[index - 1].job.run_id == missed.job.run_id;
    // In 0.15 a worker process is torn down within milliseconds: polling every 30 ms saw 3 of 20.
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

    /// What a model that agrees with the recording shows. If two lines have the same job, the later one is torn.
    fn faithful(timeline: &Timeline) -> Vec<Observation> {
        let mut model = timeline.observations.clone();
        model.dedup_by(|later, earlier| later.job == earlier.job);
        model
    }

    /// The result of the comparison for such a model with one change.
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
