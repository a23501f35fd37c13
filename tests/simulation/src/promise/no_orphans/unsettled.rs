//! What a shutdown calls unsettled is so, and could not have been settled.

use std::time::Duration;

use std::collections::BTreeMap;

use stepwell::{
    error::StopError,
    shutdown::{ShutdownEntry, Unsettled},
};

use crate::{
    exchange::{Answer, Exchange, JobShown},
    history::{Deed, Life},
    promise::process_of,
    purpose::Purpose,
    story::{Ending, Story},
    submitter::STOP,
};

/// So long before the deadline everything has to be known that counts: the last look, and one more.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// So soon each pipeline is told to stop, if the server can be asked.
const AT_ONCE: Duration = Duration::from_secs(20);

pub(in crate::promise) fn check(story: &Story) -> Option<String> {
    for (process, endings) in story.shutdowns.iter().enumerate() {
        for ending in endings {
            for entry in ending.report.unsettled() {
                let stepwell::shutdown::ShutdownEnd::Unsettled { error, .. } = &entry.end else {
                    continue;
                };
                let one = One {
                    story,
                    process,
                    ending,
                    entry,
                };
                if let Some(wrong) = one.wrong(error) {
                    return Some(format!("{wrong}: p{process} says {entry}"));
                }
            }
        }
    }
    None
}

/// One entry of a report.
struct One<'a> {
    story: &'a Story,
    process: usize,
    ending: &'a Ending,
    entry: &'a ShutdownEntry,
}

impl One<'_> {
    fn wrong(&self, error: &Unsettled) -> Option<&'static str> {
        match error {
            Unsettled::Stop { source } => self.stop(source),
            Unsettled::UnderWay => (!self.is_under_way()).then_some("nothing is under way"),
            Unsettled::Absent | Unsettled::Refused { .. } => self.absent(),
            Unsettled::Ambiguous { ids } => {
                let are_candidates = ids.len() > 1
                    && ids.iter().all(|id| {
                        let life = self.story.world.lock();
                        let life = life.life_at(id.as_str(), self.ending.ended);
                        life.is_some_and(|life| {
                            life.name == self.entry.name && life.id.starts_with("pl_")
                        })
                    });
                (!are_candidates).then_some("no candidates")
            }
            Unsettled::Look { .. } => {
                let was_shown = self.made_here().iter().any(|life| self.was_shown(life));
                was_shown.then_some("it was shown")
            }
            _ => Some("a new kind"),
        }
    }

    fn life(&self) -> Option<Life> {
        let id = self.entry.id.as_ref()?;
        let inner = self.story.world.lock();
        inner.life_at(id.as_str(), self.ending.ended).cloned()
    }

    fn stop(&self, error: &StopError) -> Option<&'static str> {
        let (began, ended) = (self.ending.began, self.ending.ended);
        let Some(life) = self.life() else {
            return Some("there is no such pipeline");
        };
        match error {
            StopError::Vanished { .. } => Some(match life.deleted_at {
                Some(at) if at <= ended => "deleted is an end",
                _ => "it was not deleted",
            }),
            StopError::Deadline { .. } => {
                if ended - began < STOP {
                    return Some("before the deadline");
                }
                // Of several that stop it, one that has not seen the end may have seen it start again.
                let mut showed_end: BTreeMap<String, bool> = BTreeMap::new();
                for asked in self.asked().iter().filter(|asked| asked.id == life.id) {
                    let job = asked.job_by(ended);
                    let shown = showed_end.entry(asked.who.clone()).or_default();
                    *shown |= job.is_some_and(JobShown::stays_ended);
                }
                if !showed_end.is_empty() && showed_end.values().all(|shown| *shown) {
                    return Some("its end was shown");
                }
                // Not one that has to be found first.
                let is_in_doubt = {
                    let inner = self.story.world.lock();
                    let mut asked = inner.exchanges.iter();
                    asked.any(|asked| {
                        asked.who == life.made_by && asked.purpose.creates() && asked.is_in_doubt()
                    })
                };
                if life.made_at + AT_ONCE <= began && !is_in_doubt && !self.was_told(&life) {
                    return Some("not told to stop at once");
                }
                let late = ended.checked_sub(LAST_LOOK)?;
                let has_ended = life.at(late).is_some_and(|moment| {
                    moment.has_ended() && !moment.desired && life.at(ended) == Some(moment)
                });
                let answers = self.asked().iter().any(|asked| {
                    asked.id == life.id && asked.sent_at >= late && asked.job_by(ended).is_some()
                });
                (has_ended && answers).then_some("it had ended long before")
            }
            StopError::Resumed { .. } => {
                let inner = self.story.world.lock();
                let mut acts = inner.acts.iter();
                let resumed = acts.any(|act| {
                    life.is_of(act)
                        && act.at <= ended
                        && act.at >= began.checked_sub(LAST_LOOK).unwrap_or(began)
                        && matches!(act.deed, Deed::Start | Deed::Create)
                });
                (!resumed).then_some("not resumed")
            }
            StopError::Rejected { .. } => {
                let refused = self
                    .asked()
                    .iter()
                    .any(|asked| asked.id == life.id && asked.is_refused());
                (!refused).then_some("not refused")
            }
            StopError::EndedOtherwise { .. } => Some("an end is an end"),
            _ => Some("a new kind"),
        }
    }

    /// What the process asked while it was shut down.
    fn asked(&self) -> Vec<Exchange> {
        let inner = self.story.world.lock();
        let asked = inner.exchanges.iter().filter(|asked| {
            process_of(&asked.who) == Some(self.process)
                && asked.sent_at >= self.ending.began
                && asked.sent_at <= self.ending.ended
        });
        asked.cloned().collect()
    }

    /// Whether it was told to stop soon after the shutdown began, or asked what it does, in vain.
    fn was_told(&self, life: &Life) -> bool {
        let soon = self.ending.began + AT_ONCE;
        let mut asked = self.asked().into_iter();
        asked.any(|asked| asked.id == life.id && asked.sent_at <= soon)
    }

    fn is_under_way(&self) -> bool {
        let inner = self.story.world.lock();
        let deadline = self.ending.began + STOP;
        inner.exchanges.iter().any(|asked| {
            process_of(&asked.who) == Some(self.process)
                && asked.purpose.changes()
                && asked.sent_at <= deadline
                && asked.ended.as_ref().is_none_or(|(at, _)| *at >= deadline)
        })
    }

    /// Pipelines of this name that the process made.
    fn made_here(&self) -> Vec<Life> {
        let inner = self.story.world.lock();
        let lives = inner.lives.iter().filter(|life| {
            process_of(&life.made_by) == Some(self.process)
                && life.name == self.entry.name
                && self
                    .entry
                    .id
                    .as_ref()
                    .is_none_or(|id| id.as_str() == life.id)
                && life.is_there_at(self.ending.ended)
        });
        lives.cloned().collect()
    }

    /// Whether a reply showed it in time, to a look for it after it was made.
    fn was_shown(&self, life: &Life) -> bool {
        // One that answers for a create already: that of another submission may be the one that does not show.
        let endings = self.story.shutdowns[self.process].iter();
        let mut entries = endings.flat_map(|ending| &ending.report.entries);
        let reported = entries.any(|other| {
            other.id.as_ref().is_some_and(|id| id.as_str() == life.id)
                && !std::ptr::eq(other, self.entry)
        });
        let claimed = self.story.diaries.iter().any(|diary| {
            let pages = diary.read();
            pages.process == self.process
                && self.has_create_in_doubt(&pages.who)
                && pages
                    .told
                    .iter()
                    .any(|(_, told)| told.id() == Some(&life.id))
        });
        // One page shows nothing until all are read.
        let is_paged = self.story.nature.page.is_some();
        let looked = self.ending.ended.checked_sub(LAST_LOOK);
        let mut asked = self.asked().into_iter();
        self.has_create_in_doubt(&life.made_by)
            && !claimed
            && !reported
            && asked.any(|asked| {
                (asked.purpose == Purpose::Look || asked.purpose == Purpose::List && !is_paged)
                    && Some(asked.sent_at) <= looked
                    && matches!(&asked.ended, Some((_, Answer::Pipelines(ids))) if ids.contains(&life.id))
            })
    }

    fn has_create_in_doubt(&self, who: &str) -> bool {
        let inner = self.story.world.lock();
        let mut asked = inner.exchanges.iter();
        asked.any(|asked| asked.who == who && asked.purpose.creates() && asked.is_in_doubt())
    }

    fn absent(&self) -> Option<&'static str> {
        let made = self.made_here();
        if made.iter().any(|life| self.was_shown(life)) {
            return Some("it was shown");
        }
        let inner = self.story.world.lock();
        let sent = inner.exchanges.iter().any(|asked| {
            process_of(&asked.who) == Some(self.process)
                && asked.purpose.creates()
                && asked.sent_at <= self.ending.ended
                && !matches!(asked.ended, Some((_, Answer::NotSent)))
        });
        (!sent).then_some("no create was sent")
    }
}
