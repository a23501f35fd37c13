//! What a submission was told is Running is known to its shutdown, until it was told otherwise or let it go.

use super::speaks_of;
use crate::{diary::Told, story::Story};

pub(in crate::promise) fn check(story: &Story) -> Option<String> {
    for diary in &story.diaries {
        let pages = diary.read();
        let Some(ending) = story
            .shutdowns
            .get(pages.process)
            .and_then(|all| all.first())
        else {
            continue;
        };
        let told = pages.told.iter().enumerate().rev();
        let mut running = told.filter_map(|(index, (at, told))| match told {
            Told::Running { id, .. } => Some((index, *at, id)),
            _ => None,
        });
        let Some((index, at, id)) = running
            .next()
            .filter(|(_, at, _)| *at < ending.shutdown_began)
        else {
            continue;
        };
        let let_go = pages.told[index + 1..].iter().any(|(_, told)| {
            matches!(
                told,
                Told::Stopped { .. } | Told::Ended { .. } | Told::Detached { .. } | Told::Failed(_)
            )
        });
        let Some(life) = story.world.lock().life_at(id, at).cloned() else {
            continue;
        };
        let runs_on = !life.had_ended_between(at, ending.ended);
        if !let_go && runs_on && speaks_of(ending, &life).is_empty() {
            let who = &pages.who;
            return Some(format!("not known: {who} was told that {id} is Running"));
        }
    }
    None
}
