//! What a stop reports about a final checkpoint, compared with the recordings.

use std::time::Duration;

use stepwell::JobState;

use super::{
    cases::cases,
    play::Play,
    table::{Drive, Stopping},
    track::Speed,
};
use crate::{CountsByRelease, recording::Release};

#[tokio::test(start_paused = true)]
async fn a_stop_tells_of_a_final_checkpoint_what_was_recorded() {
    let mut counts = CountsByRelease::default();
    let mut differing = Vec::new();
    for case in cases() {
        for drive in &case.drives {
            let Drive::Stop(Stopping::Stopped(_, right) | Stopping::StoppedBefore(_, right)) =
                drive
            else {
                continue;
            };
            for speed in Speed::ALL {
                let play = Play::new(&case, speed, Duration::ZERO);
                let stopped = Box::pin(play.stop()).await.result.unwrap();
                let told = stopped.final_checkpoint();
                let knowable = knowable(&play, *right);
                if told != knowable {
                    let (release, name) = (case.release, case.name);
                    differing.push(format!(
                        "{release}, {name}, {speed:?}: {told:?} instead of {knowable:?}"
                    ));
                }
                counts.count(
                    case.release,
                    match (right, knowable) {
                        (None, _) => "not recorded",
                        (Some(false), _) => "none",
                        (Some(true), Some(_)) => "made and reported",
                        (Some(true), None) => "made but not seen",
                    },
                );
            }
        }
    }
    let expected = [
        ("none", [12, 9]),
        ("not recorded", [0, 27]),
        ("made and reported", [7, 6]),
        ("made but not seen", [2, 0]),
    ];
    counts.expect("final checkpoints of stops", &expected);
    assert!(differing.is_empty(), "{differing:#?}");
}

/// What can be known about a final checkpoint. Where checkpoints have no kind, only the state CheckpointStopping shows it, and that may
/// pass between two polls, but only on a server ten times as fast.
fn knowable(play: &Play<'_>, right: Option<bool>) -> Option<bool> {
    let shown = play.server.shown();
    let is_seen = shown
        .iter()
        .any(|(_, (_, state, _))| *state == JobState::CheckpointStopping);
    let is_told = play.case.release == Release::V016 || is_seen;
    assert!(is_told || right != Some(true) || play.speed == Speed::TenTimesFaster);
    right.filter(|made| is_told || !made)
}
