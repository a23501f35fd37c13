//! Of a final checkpoint is said only what is so, and nothing where it is not known.

use stepwell::shutdown::ShutdownEnd;
use tokio::time::Instant;

use crate::{diary::Told, story::Story};

pub(super) fn check(story: &Story) -> Option<String> {
    of_stops(story).or_else(|| of_shutdowns(story))
}

pub(super) fn said(story: &Story) -> Vec<Option<bool>> {
    let mut said = Vec::new();
    for diary in &story.diaries {
        let pages = diary.read();
        said.extend(pages.told.iter().filter_map(|(_, told)| match told {
            Told::Stopped {
                final_checkpoint, ..
            } => Some(*final_checkpoint),
            _ => None,
        }));
    }
    for ending in story.shutdowns.iter().flatten() {
        said.extend(
            ending
                .report
                .entries
                .iter()
                .filter_map(|entry| match entry.end {
                    ShutdownEnd::Ended {
                        final_checkpoint, ..
                    } => Some(final_checkpoint),
                    _ => None,
                }),
        );
    }
    said
}

fn of_stops(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let Told::Stopped {
                id,
                began,
                final_checkpoint: Some(said),
            } = told
            else {
                continue;
            };
            if is_wrong(story, id, *said, *began, *at) {
                return Some(format!("{} was told {told:?}", pages.who));
            }
        }
    }
    None
}

fn of_shutdowns(story: &Story) -> Option<String> {
    for (process, endings) in story.shutdowns.iter().enumerate() {
        for ending in endings {
            for entry in &ending.report.entries {
                let ShutdownEnd::Ended {
                    final_checkpoint: Some(said),
                    ..
                } = entry.end
                else {
                    continue;
                };
                let Some(id) = &entry.id else {
                    continue;
                };
                if is_wrong(story, id.as_str(), said, ending.began, ending.ended) {
                    return Some(format!("p{process} says {entry}"));
                }
            }
        }
    }
    None
}

/// None of the ends that may be meant is as it was said. Others may have resumed it, and several ends may.
fn is_wrong(story: &Story, id: &str, said: bool, from: Instant, to: Instant) -> bool {
    let inner = story.world.lock();
    let lives = inner
        .lives
        .iter()
        .filter(|life| life.id == id && life.made_at <= to);
    let ends: Vec<bool> = lives
        .flat_map(|life| life.ends_with_checkpoint(from, to))
        .collect();
    !ends.is_empty() && !ends.contains(&said)
}
