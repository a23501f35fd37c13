//! Who may have made a pipeline is told so.

use stepwell::{Error, error::ResolveError};

use super::process_of;
use crate::{
    diary::{Pages, Told},
    story::Story,
};

pub(super) fn check(story: &Story) -> Option<String> {
    story.diaries.iter().find_map(|diary| {
        let pages = diary.read();
        silent(story, &pages).or_else(|| invented(story, &pages))
    })
}

/// It made one, and its last word was an error that does not say so.
fn silent(story: &Story, pages: &Pages) -> Option<String> {
    let inner = story.world.lock();
    let life = inner.lives.iter().find(|life| life.made_by == pages.who)?;
    let (_, Told::Failed(error)) = pages.told.last()? else {
        return None;
    };
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
    (!told).then(|| format!("{} made {}, and was told {error:?}", pages.who, life.id))
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
        (unknown && !sent).then(|| format!("{} has sent no create: {told:?}", pages.who))
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
