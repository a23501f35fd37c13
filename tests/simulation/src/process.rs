//! A process: its submissions, its shutdown and its signal.

use std::time::Duration;

use stepwell::{Shutdown, StopPolicy};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    diary::Told,
    purpose::Purpose,
    story::{Ending, Run},
    submitter::{Place, REQUEST, STOP, Submitter, query},
    world::World,
};

impl Run {
    /// A process with its submissions, its shutdown and its signal.
    pub(crate) fn process(&mut self, process: usize) -> JoinHandle<Vec<Ending>> {
        let shutdown = Shutdown::new();
        let signal = std::sync::Arc::new(tokio::sync::Notify::new());
        self.world
            .lock()
            .signals
            .push(std::sync::Arc::clone(&signal));
        let creates = self.focus.is_some_and(|focus| focus.purpose.creates());
        let same = self.chance.percent(if creates { 30 } else { 60 });
        let count = match self.focus {
            Some(_) => 2 + self.chance.below(2),
            None => 1 + self.chance.below(3),
        };
        let mut submissions = Vec::new();
        for number in 0..count {
            let spec = if same { 0 } else { number };
            let who = format!("p{process}s{number}");
            submissions.push(self.submission(&who, spec, process, &shutdown));
        }
        let waits_for_failure = self
            .focus
            .is_some_and(|focus| focus.purpose == Purpose::Errors);
        let moment = if self.chance.percent(if waits_for_failure { 10 } else { 70 }) {
            self.chance.millis(0, 12_000)
        } else {
            // Long after everything.
            Duration::from_secs(200)
        };
        let again = self.chance.percent(50);
        let (world, dropped) = (self.world.clone(), self.scenario.dropped);
        let detached_late = self.scenario.detached_late;
        tokio::spawn(async move {
            let _signal = timeout(moment, signal.notified()).await;
            let began = Instant::now();
            if detached_late {
                shutdown.begin();
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            let first = match dropped {
                Some(after) => timeout(after, stop_all(&world, process, &shutdown))
                    .await
                    .ok(),
                None => None,
            };
            let mut ending = match first {
                Some(ending) => ending,
                None => stop_all(&world, process, &shutdown).await,
            };
            ending.shutdown_began = began;
            let mut endings = vec![ending];
            // A submission that was given up may have been the last to know.
            for submission in submissions {
                submission.await.unwrap();
            }
            if again && !endings[0].fine {
                endings.push(stop_all(&world, process, &shutdown).await);
            }
            endings
        })
    }

    /// One submission, and perhaps another one after it when its caller went away.
    fn submission(
        &mut self,
        who: &str,
        spec: u64,
        process: usize,
        shutdown: &Shutdown,
    ) -> JoinHandle<()> {
        let mut place = Place {
            by_id: self.by_id.draw(),
            world: &self.world,
            matrix: &self.matrix,
            process,
            focus: self.focus,
            shutdown,
            scenario: &self.scenario,
            resume: self.resume.as_deref(),
        };
        let first = Submitter::draw(who, spec, &place, &mut self.chance);
        place.by_id = self.by_id.draw();
        let second = Submitter::draw(&format!("{who}again"), spec, &place, &mut self.chance);
        self.story.diaries.push(first.diary.clone());
        self.story.diaries.push(second.diary.clone());
        let successors = [&first.successor, &second.successor];
        for successor in successors.into_iter().flatten() {
            self.story.diaries.push(successor.diary.clone());
        }
        let (before, between) = (self.chance.millis(0, 1_500), self.chance.millis(0, 3_000));
        let (again, attaches) = (self.chance.percent(60), self.chance.percent(30));
        let world = self.world.clone();
        tokio::spawn(async move {
            tokio::time::sleep(before).await;
            let diary = first.diary.clone();
            Box::pin(first.run()).await;
            let dropped = matches!(diary.read().told.last(), Some((_, Told::Dropped)));
            if !dropped || !again {
                return;
            }
            tokio::time::sleep(between).await;
            let known = {
                let inner = world.lock();
                let lives = inner.lives.iter().rev();
                let mut same = lives.filter(|life| life.query == query(spec));
                same.next().map(|life| life.id.clone())
            };
            match known.filter(|_| attaches) {
                Some(id) => Box::pin(second.attach(id)).await,
                None => Box::pin(second.run()).await,
            }
        })
    }
}

pub(crate) async fn stop_all(world: &World, process: usize, shutdown: &Shutdown) -> Ending {
    let began = Instant::now();
    world.lock().note(format!("p{process}: stop_all"));
    let policy = StopPolicy::builder().deadline(STOP).build();
    let outcome = shutdown.stop_all(policy).await;
    let text = match &outcome {
        Ok(report) => format!("p{process}: stop_all: {report}"),
        Err(error) => format!("p{process}: stop_all failed: {error}"),
    };
    world.lock().note(text);
    let (fine, report) = match outcome {
        Ok(report) => (true, report),
        Err(error) => (false, error.report),
    };
    Ending {
        shutdown_began: began,
        began,
        ended: Instant::now(),
        fine,
        report,
    }
}

/// What `stop_all` may take: its deadline and one request, which there is given 10 s.
pub(crate) const STOP_ALL: Duration = STOP.saturating_add(REQUEST.saturating_mul(2));
