//! What the promises ask of what has happened.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    exchange::{Answer, Exchange, JobShown},
    history::Life,
    purpose::Purpose,
    world::Inner,
};

impl Inner {
    pub fn life(&self, id: &str) -> Option<&Life> {
        self.lives.iter().rev().find(|life| life.id == id)
    }

    /// The pipeline that had this id at that time: one that is free again may be taken again.
    pub fn life_at(&self, id: &str, time: Instant) -> Option<&Life> {
        let mut lives = self.lives.iter().rev();
        lives.find(|life| life.id == id && life.made_at <= time)
    }

    /// Whether all that a submission was answered about the pipeline was that there is none, for as long as such an answer is not believed:
    /// ten seconds, or one if it was shown before.
    pub fn was_denied(&self, who: &str, id: &str, from: Instant, to: Instant) -> bool {
        // 0.15 says of a pipeline that is gone that it has no jobs.
        let is_denial = |answer: Option<&Answer>| {
            matches!(
                answer,
                Some(Answer::Refused {
                    status: 400 | 404,
                    from_api: true
                })
            )
        };
        let asked: Vec<_> = self
            .asked(who, from, to)
            .filter(|asked| asked.id == id)
            .filter(|asked| match asked.answer_by(to) {
                None | Some(Answer::Lost | Answer::NotSent | Answer::Unreadable) => false,
                Some(Answer::Refused { status, from_api }) => *from_api && *status < 500,
                Some(_) => true,
            })
            .collect();
        let is_shown = asked.iter().any(|asked| asked.job_by(to).is_some());
        let patience = Duration::from_secs(if is_shown { 1 } else { 10 });
        let denials = asked.iter().rev();
        let first = denials
            .take_while(|asked| is_denial(asked.answer_by(to)))
            .last();
        first.is_some_and(|first| to - first.sent_at >= patience)
    }

    /// What a submission asked from `from` to `to`.
    pub fn asked<'a>(
        &'a self,
        who: &'a str,
        from: Instant,
        to: Instant,
    ) -> impl DoubleEndedIterator<Item = &'a Exchange> {
        let exchanges = self.exchanges.iter();
        exchanges
            .filter(move |asked| asked.who == who && asked.sent_at >= from && asked.sent_at <= to)
    }

    /// The job that a submission was shown last before it sent its last request of a kind by `to`. Much can happen in one moment, so the
    /// order decides.
    pub fn seen_before(
        &self,
        who: &str,
        id: &str,
        purpose: Purpose,
        to: Instant,
    ) -> Option<&JobShown> {
        let about = self.exchanges.iter().rev();
        let about = about.filter(|asked| asked.who == who && asked.id == id);
        let mut before = about.skip_while(|asked| asked.purpose != purpose || asked.sent_at > to);
        before.find_map(|asked| asked.job_by(to))
    }

    /// The jobs in an end that submissions were shown of a pipeline from `from` to `to`, and when they had asked.
    pub fn ends_shown<'a>(
        &'a self,
        all: &'a [&'a str],
        id: &'a str,
        (from, to): (Instant, Instant),
    ) -> impl Iterator<Item = (Instant, &'a JobShown)> {
        let asked = self.exchanges.iter().filter(move |asked| {
            asked.sent_at >= from && asked.id == id && all.contains(&asked.who.as_str())
        });
        let shown = asked.filter_map(move |asked| Some((asked.sent_at, asked.job_by(to)?)));
        shown.filter(|(_, job)| job.has_ended())
    }

    /// The last job that a submission was shown of a pipeline by `to`, and when it had asked.
    pub fn last_job<'a>(
        &'a self,
        who: &str,
        id: &str,
        to: Instant,
    ) -> Option<(Instant, &'a JobShown)> {
        let exchanges = self.exchanges.iter().rev();
        let mut shown = exchanges
            .filter(|asked| asked.who == who && asked.id == id)
            .filter_map(|asked| Some((asked.sent_at, asked.job_by(to)?)));
        shown.next()
    }
}
