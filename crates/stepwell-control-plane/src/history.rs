//! The stored form of a job's checkpoints. There are up to 200 of them, and all are rewritten with each new one. Their parts would be four
//! fifths of the text and follow from when a checkpoint started and completed, so they are left out.

use serde::{Deserialize, Deserializer, Serializer};
use stepwell_arroyo::{Checkpoint, CheckpointSpan};

/// The parts of a complete checkpoint, as a server shows them (recording `200_job_checkpoints_after_some`).
pub(crate) fn parts(begun: u64, complete: u64) -> Vec<CheckpointSpan> {
    vec![
        CheckpointSpan::new(
            begun,
            complete,
            "Checkpointing",
            "The entire checkpointing process",
        ),
        CheckpointSpan::new(
            begun,
            complete,
            "CheckpointingOperators",
            "The time spent checkpointing operator states",
        ),
        CheckpointSpan::new(
            complete,
            complete,
            "WritingMetadata",
            "Writing the final checkpoint metadata",
        ),
    ]
}

pub(crate) fn serialize<S: Serializer>(
    checkpoints: &[Checkpoint],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(checkpoints.iter().map(|checkpoint| {
        let mut kept = checkpoint.clone();
        if kept.events == of(checkpoint) {
            kept.events.clear();
        }
        kept
    }))
}

/// Also reads the earlier form, which stored the parts.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Checkpoint>, D::Error> {
    let mut checkpoints = Vec::<Checkpoint>::deserialize(deserializer)?;
    for checkpoint in &mut checkpoints {
        if checkpoint.events.is_empty() {
            checkpoint.events = of(checkpoint);
        }
    }
    Ok(checkpoints)
}

fn of(checkpoint: &Checkpoint) -> Vec<CheckpointSpan> {
    checkpoint
        .finish_time
        .map_or_else(Vec::new, |complete| parts(checkpoint.start_time, complete))
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use stepwell_arroyo::CheckpointType;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept(#[serde(with = "super")] Vec<Checkpoint>);

    #[test]
    fn checkpoints_come_back_as_they_were_and_their_usual_parts_are_not_kept() {
        let begun = Checkpoint::new(1, "parquet", CheckpointType::Scheduled, 5);
        let mut complete = begun.clone();
        complete.finish_time = Some(9);
        complete.events = parts(5, 9);
        let mut unusual = complete.clone();
        unusual.events.truncate(1);
        let kept = Kept(vec![begun, complete, unusual]);
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Kept>(&text).unwrap(), kept);
        assert_eq!(text.matches("description").count(), 1, "{text}");
        // The earlier form.
        let text = serde_json::to_string(&kept.0).unwrap();
        assert_eq!(serde_json::from_str::<Kept>(&text).unwrap(), kept);
    }
}
