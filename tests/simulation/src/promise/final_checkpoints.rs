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
            if has_run_with(story, &[&pages.who], id, (*began, *at)) == Some(!said) {
                let who = &pages.who;
                return Some(format!("{said} of a stop: {who} was told {told:?}"));
            }
        }
    }
    None
}

fn of_shutdowns(story: &Story) -> Option<String> {
    for (process, endings) in story.shutdowns.iter().enumerate() {
        let all: Vec<String> = story
            .diaries
            .iter()
            .map(|diary| diary.read())
            .filter(|pages| pages.process == process)
            .map(|pages| pages.who.clone())
            .collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
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
                if has_run_with(story, &all, id.as_str(), (ending.began, ending.ended))
                    == Some(!said)
                {
                    return Some(format!("{said} of a shutdown: p{process} says {entry}"));
                }
            }
        }
    }
    None
}

/// Whether the run has a final checkpoint whose end these submissions were shown; `None` where they were shown several ends, of which
/// any may be meant.
fn has_run_with(story: &Story, all: &[&str], id: &str, time: (Instant, Instant)) -> Option<bool> {
    let inner = story.world.lock();
    let shown = inner.ends_shown(all, id, time);
    let mut ends: Vec<Option<bool>> = shown
        .filter(|(_, job)| job.stays_ended())
        .filter_map(|(asked, job)| Some((inner.life_at(id, asked)?, job.run_id)))
        .map(|(life, run_id)| {
            let is_known = !life.restarted_at_its_end(run_id);
            is_known.then(|| life.has_final_checkpoint(run_id))
        })
        .collect();
    ends.dedup();
    match ends.as_slice() {
        [one] => *one,
        _ => None,
    }
}
