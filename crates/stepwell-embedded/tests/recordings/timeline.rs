//! Compares the states that an engine showed with a recorded timeline.
//!
//! The engine acts at once where Arroyo waits up to half a second for its next tick, and does in milliseconds what takes Arroyo a tenth of
//! a second. So a poll need not see everything that was recorded. These are the requirements:
//!
//! - everything that the engine shows is in the recording, in order and with all fields; times stay and change as recorded;
//! - the engine shows the last recorded state, and every state that Arroyo showed for [`LONG`] or more;
//! - if nothing more happened in the rest of the recording, nothing more happens here.

use crate::observation::{Job, Observation, Offer};
use crate::recording::Timeline;
use crate::times::Times;

/// How long a state lasts, in microseconds, if a poll must see it.
const LONG: u64 = 1_000_000;

/// The progress of an engine in a timeline.
pub struct Progress<'a> {
    timeline: &'a Timeline,
    /// The line that it was last seen at.
    place: Option<usize>,
    /// How many lines it was seen at.
    pub seen: usize,
}

impl<'a> Progress<'a> {
    pub fn new(timeline: &'a Timeline) -> Self {
        Self {
            timeline,
            place: None,
            seen: 0,
        }
    }

    pub fn is_at_end(&self) -> bool {
        self.place == Some(self.timeline.observations.len() - 1)
    }

    /// Finds the line that the engine is at now.
    pub fn see(&mut self, job: &Job, offer: &Offer, times: &mut Times) -> Result<(), String> {
        let lines = &self.timeline.observations;
        let first = self.place.unwrap_or(0);
        let next = self.place.map_or(0, |place| place + 1);
        let found = (first..lines.len())
            .take_while(|index| (next..*index).all(|index| may_be_missed(lines, index)))
            .find(|index| {
                // The job was read first: the offered action may already be further on.
                let offered = lines[*index..].iter().any(|line| line.offer == *offer);
                offered && times.agree(&lines[*index].job, job)
            });
        let Some(found) = found else {
            return Err(format!(
                "{}: the recording goes on with\n{:#?}\nand the engine with\n{job:#?}\n{offer:#?}",
                self.timeline.name,
                &lines[first..]
            ));
        };
        if self.place != Some(found) {
            self.seen += 1;
        }
        self.place = Some(found);
        Ok(())
    }
}

fn may_be_missed(lines: &[Observation], index: usize) -> bool {
    lines
        .get(index + 1)
        .is_some_and(|next| next.at - lines[index].at < LONG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::timelines;

    fn replay(timeline: &Timeline, shown: &[Observation]) -> Result<bool, String> {
        let mut progress = Progress::new(timeline);
        let mut times = Times::default();
        for line in shown {
            progress.see(&line.job, &line.offer, &mut times)?;
        }
        Ok(progress.is_at_end())
    }

    #[test]
    fn the_recording_itself_is_in_order() {
        for timeline in timelines() {
            assert_eq!(replay(&timeline, &timeline.observations), Ok(true));
        }
    }

    #[test]
    fn what_lasted_and_the_end_must_be_seen() {
        let mut long = 0;
        for timeline in timelines() {
            let lines = &timeline.observations;
            for index in 0..lines.len() {
                let mut shown = lines.clone();
                shown.remove(index);
                // The same job with another action may replace it.
                if shown.iter().any(|line| line.job == lines[index].job) {
                    continue;
                }
                let replayed = replay(&timeline, &shown);
                assert_eq!(
                    replayed == Ok(true),
                    may_be_missed(lines, index),
                    "{} without line {index}",
                    timeline.name
                );
                long += usize::from(replayed.is_err());
            }
        }
        assert!(long > 10, "{long}");
    }

    #[test]
    fn another_order_and_another_field_are_noticed() {
        for timeline in timelines() {
            let lines = &timeline.observations;
            let mut other = lines.clone();
            other.last_mut().unwrap().job.run_id += 1;
            assert!(replay(&timeline, &other).is_err(), "{}", timeline.name);
            let mut other = lines.clone();
            other.last_mut().unwrap().offer.action_text = "Wait".to_owned();
            assert!(replay(&timeline, &other).is_err(), "{}", timeline.name);
            let distinct = lines
                .iter()
                .all(|line| line.job != lines[0].job || line == &lines[0]);
            if lines.len() > 1 && distinct {
                let reversed: Vec<_> = lines.iter().rev().cloned().collect();
                assert_ne!(replay(&timeline, &reversed), Ok(true), "{}", timeline.name);
            }
        }
    }
}
