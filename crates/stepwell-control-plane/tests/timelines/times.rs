//! Times in a recording and in its replay.

use crate::observation::Job;

/// Which time of the model corresponds to which of the recording. A time that stays the same must do so in both, and so must one that
/// changes.
#[derive(Default)]
pub struct Times(Vec<(u64, u64)>);

impl Times {
    /// Whether both jobs are equal apart from the clock. If they are, the pairs of times are remembered.
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
