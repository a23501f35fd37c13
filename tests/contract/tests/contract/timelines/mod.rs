//! Every recorded timeline gone through by `wait_until_running`, `stop` and `ended`, at the times that were recorded, ten times faster and
//! ten times slower, on tokio's paused clock. The outcomes are those of [`cases`](mod@cases), and what is reported on the way is what was shown.

mod cases;
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
use crate::Counts;

#[tokio::test(start_paused = true)]
async fn every_timeline_comes_to_its_right_outcome_at_every_speed() {
    let mut through: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut counts = Counts::default();
    for case in cases() {
        for drive in &case.drives {
            for speed in Speed::ALL {
                for step in Box::pin(judge(&case, *drive, speed)).await {
                    through.insert((step, case.name));
                    counts.count(format_args!("times through {step}"));
                }
            }
        }
    }
    for (step, _) in &through {
        counts.count(format_args!("timelines through {step}"));
    }
    let expected = [
        ("timelines through wait_until_running", 49),
        ("timelines through ended", 50),
        ("timelines through stop", 18),
        ("times through wait_until_running", 189),
        ("times through ended", 181),
        ("times through stop", 54),
    ];
    counts.expect("61 timelines", &expected);
}

#[test]
fn every_timeline_is_in_the_table() {
    let cases: BTreeSet<_> = cases().iter().map(|case: &Case| case.name).collect();
    let recorded: BTreeSet<_> = TIMELINES.keys().map(String::as_str).collect();
    assert_eq!(cases, recorded);
    assert_eq!(cases.len(), 61);
}

#[tokio::test]
async fn every_answer_of_the_timelines_is_read_whole() {
    let mut read = 0;
    for seen in TIMELINES.values().flatten() {
        let recorded: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(serde_json::json!({ "data": [seen.job] }), recorded);
        assert!(!matches!(seen.job.state, stepwell::JobState::Other(_)));
        assert!(!matches!(seen.told, stepwell::StopMode::Other(_)));
        read += 1;
    }
    println!("{read} answers");
    assert_eq!(read, 224);
}
