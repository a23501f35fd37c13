//! A shutdown stops what it was asked to stop, and nothing that others run.

use std::time::Duration;

use stepwell::OnShutdown;
use tokio::time::Instant;

use super::{began_by, may_be_its_post};
use crate::{
    diary::{Diary, Pages},
    exchange::Answer,
    history::{Act, Deed, Life},
    promise::{forerunners, process_of},
    purpose::Purpose,
    story::Story,
};

pub(in crate::promise) fn check(story: &Story) -> Option<String> {
    let acts = story.world.lock().acts.clone();
    let stops = acts.iter().filter(|act| act.deed == Deed::Stop);
    for act in stops.filter(|act| process_of(&act.who).is_some()) {
        let mut diaries = story.diaries.iter();
        let Some(diary) = diaries.find(|diary| diary.read().who == act.who) else {
            continue;
        };
        let pages = diary.read();
        let Some(life) = meant(story, act) else {
            continue;
        };
        let wrong = if is_indistinguishable(story, &pages, &life, act.sent_at) {
            None
        } else if life.query != pages.query {
            Some("another pipeline")
        } else if !is_in_hand(story, &pages, &life, act.sent_at) {
            Some("another life of the id")
        } else if pages.is_in(&["stop", "discard"], act.sent_at) {
            None
        } else {
            is_not_asked_for(story, &pages, &life)
        };
        if let Some(wrong) = wrong {
            let (who, id, maker) = (&act.who, &act.id, &life.made_by);
            return Some(format!("{wrong}: {who} stopped {id}, which {maker} made"));
        }
    }
    None
}

/// The pipeline that a stop was meant for: no server makes one conditional, so it is the one that was there when it was sent, or when the
/// sender looked right before that.
fn meant(story: &Story, act: &Act) -> Option<Life> {
    let inner = story.world.lock();
    let mut asked = inner.exchanges.iter().rev().filter(|asked| {
        asked.who == act.who
            && asked.id == act.id
            && asked.sent_at <= act.sent_at
            && matches!(asked.purpose, Purpose::Jobs | Purpose::Stop)
    });
    // The first one is the stop itself.
    let looked = asked
        .find(|asked| asked.purpose == Purpose::Stop)
        .and_then(|_| asked.next())
        .filter(|asked| asked.purpose == Purpose::Jobs);
    let seen = looked.and_then(|looked| inner.life_at(&act.id, looked.sent_at));
    let met = seen.or_else(|| inner.life_at(&act.id, act.sent_at));
    met.or_else(|| inner.life_at(&act.id, act.at)).cloned()
}

/// Whether it could not be told from what was there before under its id: its sender had never seen the job of that, or has seen none for ten
/// seconds, because every look failed. Who plans first does so with another submission, which knows nothing of this one.
pub(in crate::promise) fn is_indistinguishable(
    story: &Story,
    pages: &Pages,
    life: &Life,
    at: Instant,
) -> bool {
    let lives = story.world.lock().lives.clone();
    let mut before = lives
        .iter()
        .filter(|before| before.id == life.id && before.made_at < life.made_at);
    if !before.any(|before| before.query == pages.query && is_in_hand(story, pages, before, at)) {
        return false;
    }
    let began = pages.calls.first().map(|call| call.began);
    let inner = story.world.lock();
    let looks: Vec<_> = inner
        .exchanges
        .iter()
        .filter(|asked| asked.who == pages.who && asked.id == life.id)
        .filter(|asked| began.is_none_or(|began| asked.sent_at >= began))
        .filter(|asked| asked.purpose == Purpose::Jobs && asked.sent_at < at)
        .collect();
    let has_seen = looks.iter().any(|look| look.job_by(life.made_at).is_some());
    let failed = looks.iter().rev().take_while(|look| {
        !matches!(
            look.answer_by(at),
            Some(
                Answer::Job(_)
                    | Answer::NoJob
                    | Answer::Refused {
                        status: 400 | 404,
                        from_api: true
                    }
            )
        )
    });
    let since = failed.last().map(|look| look.sent_at);
    !has_seen || since.is_some_and(|since| at - since >= Duration::from_secs(10))
}

/// Whether the submission made this pipeline or may have, or met it when it resolved or attached: what was made since under the same id is
/// none of its business.
fn is_in_hand(story: &Story, pages: &Pages, life: &Life, at: Instant) -> bool {
    let met = pages.calls.iter().any(|call| {
        matches!(call.step, "resolve" | "attach")
            && call.began <= at
            && pages.left(call).is_none_or(|left| left >= life.made_at)
    });
    // Its shutdown stops all that its process made.
    let is_of_process =
        process_of(&life.made_by) == Some(pages.process) && !pages.is_in(&["stop", "discard"], at);
    // Or it was told that it is there when it wanted to make it.
    let inner = story.world.lock();
    let is_refused = inner.exchanges.iter().any(|asked| {
        asked.who == pages.who
            && asked.purpose == Purpose::CreateByPut
            && asked.id == life.id
            && asked
                .ended
                .as_ref()
                .is_some_and(|(at, _)| *at >= life.made_at)
    });
    drop(inner);
    met || is_refused
        || is_of_process
        || life.made_by == pages.who
        || may_have_made(story, pages, life)
        || is_taken_over(story, pages, life)
}

/// Whether a submission of its process made it, or may have, that was dropped: the next one of its spec goes on with its create.
fn is_taken_over(story: &Story, pages: &Pages, life: &Life) -> bool {
    let others = forerunners(story, pages);
    others.contains(&life.made_by) || {
        let mut diaries = story.diaries.iter().filter_map(Diary::try_read);
        diaries.any(|other| others.contains(&other.who) && may_have_made(story, &other, life))
    }
}

fn may_have_made(story: &Story, pages: &Pages, life: &Life) -> bool {
    may_be_its_post(story, pages, life) || {
        let inner = story.world.lock();
        let mut asked = inner.exchanges.iter();
        asked.any(|asked| {
            asked.who == pages.who
                && asked.purpose == Purpose::CreateByPut
                && asked.id == life.id
                && asked.is_in_doubt()
        })
    }
}

fn is_not_asked_for(story: &Story, pages: &Pages, life: &Life) -> Option<&'static str> {
    match pages.on_shutdown {
        OnShutdown::Stop => None,
        OnShutdown::Leave => Some("to be left"),
        _ => {
            let may_have_started = || {
                let inner = story.world.lock();
                let mut asked = inner.exchanges.iter();
                asked.any(|asked| {
                    asked.who == pages.who
                        && matches!(asked.purpose, Purpose::Start | Purpose::Restart)
                        && asked.id == life.id
                        && life.is_there_at(asked.sent_at)
                        && !asked.is_refused()
                })
            };
            let is_here = began_by(story, &pages.who, life)
                || may_have_started()
                || may_have_made(story, pages, life)
                || is_taken_over(story, pages, life);
            (!is_here).then_some("not started here")
        }
    }
}
