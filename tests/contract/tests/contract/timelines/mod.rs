//! Plays every recorded timeline to `wait_until_running`, `stop` and `ended`, at the recorded speed, ten times faster and ten times slower,
//! on tokio's paused clock. The outcomes are those of [`cases`](mod@cases), and the reports are what was shown.

mod cases;
mod checkpoints;
mod final_checkpoint;
mod judge;
mod play;
mod server;
mod table;
mod track;
mod trouble;

use std::collections::BTreeSet;

use self::{
    cases::cases,
    judge::judge,
    table::Case,
    track::{Speed, TIMELINES},
};
use crate::{CountsByRelease, call::Call, exchanges::reading, recording::Release};

#[tokio::test(start_paused = true)]
async fn every_timeline_comes_to_its_right_outcome_at_every_speed() {
    let mut through: BTreeSet<(&str, Release, &str)> = BTreeSet::new();
    let mut counts = CountsByRelease::default();
    for case in cases() {
        for drive in &case.drives {
            for speed in Speed::ALL {
                for step in Box::pin(judge(&case, *drive, speed)).await {
                    through.insert((step, case.release, case.name));
                    counts.count(case.release, format_args!("times through {step}"));
                }
            }
        }
    }
    for (step, release, _) in &through {
        counts.count(*release, format_args!("timelines through {step}"));
    }
    let expected = [
        ("timelines through wait_until_running", [39, 49]),
        ("timelines through ended", [34, 50]),
        ("timelines through stop", [16, 18]),
        ("times through wait_until_running", [144, 189]),
        ("times through ended", [108, 181]),
        ("times through stop", [48, 54]),
    ];
    counts.expect("110 timelines", &expected);
}

#[test]
fn every_timeline_is_in_the_table() {
    let cases: BTreeSet<_> = cases()
        .iter()
        .map(|case: &Case| (case.release, case.name.to_owned()))
        .collect();
    let recorded: BTreeSet<_> = TIMELINES.keys().cloned().collect();
    assert_eq!(cases, recorded);
    let of = |release| cases.iter().filter(|(of, _)| *of == release).count();
    assert_eq!(Release::ALL.map(of), [49, 61]);
}

#[tokio::test]
async fn every_answer_of_the_timelines_is_read_whole() {
    let mut read = CountsByRelease::default();
    let jobs = Call::AllJobs;
    for ((release, name), seen) in TIMELINES
        .iter()
        .flat_map(|(of, seen)| seen.iter().map(move |seen| (of, seen)))
    {
        let recorded: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
        let (expected, _) = reading::apply(&jobs, &recorded["data"]);
        assert_eq!(serde_json::json!([seen.job]), expected, "{name}");
        assert!(!matches!(seen.job.state, stepwell::JobState::Other(_)));
        assert!(!matches!(seen.told, stepwell::StopMode::Other(_)));
        read.count(*release, "answers");
        if seen.job.failure_reason.is_some() {
            read.count(*release, "answers with the reason of a failure");
        }
    }
    let expected = [
        ("answers", [169, 224]),
        ("answers with the reason of a failure", [11, 12]),
    ];
    read.expect("jobs in the timelines", &expected);
}
