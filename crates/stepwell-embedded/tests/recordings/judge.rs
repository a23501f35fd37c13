//! Compares the outcomes with the listed differences.

use std::collections::{BTreeMap, BTreeSet};

use crate::differences::{DIFFERENT, UNPLAYED};
use crate::player::{Kind, Outcome};

/// How many exchanges and timelines were recorded.
const EXCHANGES: usize = 366;
const TIMELINES: usize = 61;

/// Counts equal and different exchanges, and reports those that are not as listed.
pub fn exchanges(outcomes: &[Outcome]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = 0;
    let mut counts = BTreeMap::<_, usize>::new();
    let mut unused: BTreeSet<_> = DIFFERENT
        .iter()
        .flat_map(|different| {
            different
                .fields
                .iter()
                .map(|field| (different.reason, *field))
        })
        .collect();
    for outcome in outcomes {
        let (name, Kind::Exchange(found)) = (outcome.name.as_str(), &outcome.kind) else {
            continue;
        };
        let listed = DIFFERENT
            .iter()
            .find(|different| different.names.contains(&name));
        match listed {
            None if found.is_empty() => same += 1,
            None => wrong.push(format!("{name} differs: {}", found.words.join("\n    "))),
            Some(_) if found.is_empty() => wrong.push(format!("{name} differs no longer")),
            Some(listed) => {
                *counts.entry(listed.reason).or_default() += 1;
                for field in &found.fields {
                    unused.remove(&(listed.reason, field.as_str()));
                    if !(listed.fields.is_empty() || listed.fields.contains(&field.as_str())) {
                        wrong.push(format!("{name}: {field} differs as well"));
                    }
                }
            }
        }
    }
    for (reason, field) in unused {
        wrong.push(format!("{reason}: {field} differs nowhere"));
    }
    println!("exchanges: {same} the same");
    for (reason, count) in &counts {
        println!("{count:5} different: {reason}");
    }
    let listed: usize = DIFFERENT
        .iter()
        .map(|different| different.names.len())
        .sum();
    if wrong.is_empty() {
        assert_eq!(
            counts.values().sum::<usize>(),
            listed,
            "a name is not there"
        );
        assert_eq!(same + listed, EXCHANGES);
    }
    wrong
}

/// Counts the timelines that were seen, and reports those that were not.
pub fn timelines(outcomes: &[Outcome]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut played = 0;
    let (mut seen, mut lines) = (0, 0);
    for outcome in outcomes {
        match &outcome.kind {
            Kind::Timeline(Ok((ours, all))) => {
                played += 1;
                seen += ours;
                lines += all;
            }
            Kind::Timeline(Err(words)) => wrong.push(words.clone()),
            Kind::Exchange(_) => {}
        }
    }
    println!("timelines: {played} played, {seen} of their {lines} lines seen");
    for unplayed in UNPLAYED {
        println!("{:5} not played: {}", unplayed.names.len(), unplayed.reason);
    }
    let unplayed: usize = UNPLAYED.iter().map(|unplayed| unplayed.names.len()).sum();
    if wrong.is_empty() {
        assert_eq!(played + unplayed, TIMELINES);
    }
    wrong
}
