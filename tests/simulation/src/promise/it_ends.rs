//! Every call returns within its deadline plus one request.

use std::time::Duration;

use crate::{process::STOP_ALL, story::Story};

/// What the simulated network adds of its own to a call that is over.
const MARGIN: Duration = Duration::from_millis(100);

pub(super) fn check(story: &Story) -> Option<String> {
    if let Some(who) = story.endless.first() {
        return Some(format!("endless: {who} does not end"));
    }
    for diary in &story.diaries {
        let pages = diary.read();
        for call in &pages.calls {
            if call.took().is_some_and(|took| took > call.allowed + MARGIN) {
                let (step, who) = (call.step, &pages.who);
                return Some(format!("{step} too long: {who}: {call:?}"));
            }
        }
    }
    let mut endings = story.shutdowns.iter().flatten();
    endings.find_map(|ending| {
        let took = ending.ended - ending.began;
        (took > STOP_ALL + MARGIN).then(|| format!("stop_all too long: it took {took:?}"))
    })
}
