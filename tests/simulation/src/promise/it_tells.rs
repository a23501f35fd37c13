//! Who may have made a pipeline is told so.

use std::time::Duration;

use stepwell::{Error, error::ResolveError};

use tokio::time::Instant;

use super::process_of;
use crate::{
    diary::{Pages, Told},
    story::Story,
};

/// So often a loop may be left in the middle of what it was just told.
const OFTEN: usize = 5;

/// So long a server is silent, or a pipeline gone, before that is told; and some more.
const LONG: Duration = Duration::from_secs(30);

pub(super) fn check(story: &Story) -> Option<String> {
    story.diaries.iter().find_map(|diary| {
        let pages = diary.read();
        silent(story, &pages).or_else(|| invented(story, &pages))
    })
}

/// A watch in a loop notices what one long watch does: an end, that the pipeline is gone, and that the server says nothing.
pub(super) fn watched(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        for (at, told) in &pages.told {
            let Told::Watched { id, from } = told else {
                continue;
            };
            if let Some(wrong) = overlooked(story, &pages.who, id, *from, *at) {
                return Some(format!("{wrong}: {} was told {told:?}", pages.who));
            }
        }
    }
    None
}

fn overlooked(
    story: &Story,
    who: &str,
    id: &str,
    from: Instant,
    to: Instant,
) -> Option<&'static str> {
    let inner = story.world.lock();
    let all = [who];
    if inner.ends_shown(&all, id, (from, to)).count() > OFTEN {
        return Some("an end was shown");
    }
    let late = to.checked_sub(LONG)?;
    let life = inner.life_at(id, from)?;
    let asked = inner.asked(who, late.max(from), to);
    let asked: Vec<_> = asked.filter(|asked| asked.id == id).collect();
    if asked.len() <= OFTEN || asked.iter().any(|asked| asked.job_by(to).is_some()) {
        return None;
    }
    if life.deleted_at.is_some_and(|gone| gone <= late) {
        Some("it was gone")
    } else if from <= late {
        Some("the server was silent")
    } else {
        None
    }
}

/// It made one, and its last word was an error that does not say so.
fn silent(story: &Story, pages: &Pages) -> Option<String> {
    let (at, Told::Failed(error)) = pages.told.last()? else {
        return None;
    };
    let inner = story.world.lock();
    let mut lives = inner.lives.iter();
    let life = lives.find(|life| life.made_by == pages.who && life.made_at <= *at)?;
    let told = match error {
        Error::Resolve { source } => match source {
            ResolveError::OutcomeUnknown { name, id, .. }
            | ResolveError::StillUnknown { name, id, .. } => {
                // Only an id that the server has chosen is not known.
                let id_fits = id.as_ref().map_or(life.id.starts_with("pl_"), |id| {
                    *id.as_str() == *life.id || life.id.starts_with("pl_")
                });
                *name == life.name && id_fits
            }
            // Its own may not show yet; the twins are named.
            ResolveError::Ambiguous { .. } => words(error).contains(&life.name),
            // It is gone, or burnt, or there already, and named.
            _ => words(error).contains(&life.id),
        },
        // It has the pipeline in hand, and so has its shutdown.
        _ => true,
    };
    (!told).then(|| {
        format!(
            "{}: {} made {}, and was told {error:?}",
            error.code(),
            pages.who,
            life.id
        )
    })
}

/// It is told that one may have been created, and no submission under its shutdown has sent anything.
fn invented(story: &Story, pages: &Pages) -> Option<String> {
    let inner = story.world.lock();
    let mut senders = inner.creates_sent.iter();
    let sent = senders.any(|(who, _)| *who == pages.who || process_of(who) == Some(pages.process));
    pages.told.iter().find_map(|(_, told)| {
        let unknown = matches!(
            told,
            Told::Failed(Error::Resolve {
                source: ResolveError::OutcomeUnknown { .. } | ResolveError::StillUnknown { .. }
            })
        );
        (unknown && !sent).then(|| format!("invented: {} has sent no create: {told:?}", pages.who))
    })
}

fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
