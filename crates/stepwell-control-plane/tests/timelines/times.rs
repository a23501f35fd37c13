//! Times of a recording and of what replays it.

use crate::observation::Job;

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
