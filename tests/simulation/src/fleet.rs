//! More pipelines under one shutdown than are stopped at the same time.

use std::time::Duration;

use stepwell::{OnShutdown, Options, PipelineSpec, Shutdown, Submission};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    diary::{Diary, Told},
    network::Network,
    process::stop_all,
    scenario::Fleet,
    story::{Ending, Run},
    submitter::query,
};

/// How many are at work on stops at the same time, and more.
const SLOW: u64 = 66;
const HUNG: u64 = 140;

impl Run {
    /// A process that runs many pipelines, and is told to end.
    pub(crate) fn fleet(&mut self, fleet: Fleet) -> JoinHandle<Vec<Ending>> {
        let shutdown = Shutdown::new();
        let count = if fleet == Fleet::Slow { SLOW } else { HUNG };
        let mut submissions = Vec::new();
        for number in 0..count {
            submissions.push(self.one_of_a_fleet(number, &shutdown));
        }
        let world = self.world.clone();
        tokio::spawn(async move {
            for submission in submissions {
                submission.await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(30)).await;
            match fleet {
                Fleet::Slow => world.lock().slow_checkpoints = true,
                Fleet::Hung => world.lock().is_hung = true,
            }
            vec![stop_all(&world, 0, &shutdown).await]
        })
    }

    fn one_of_a_fleet(&mut self, number: u64, shutdown: &Shutdown) -> JoinHandle<()> {
        let who = format!("p0s{number}");
        let spec = PipelineSpec::builder(query(number))
            .name(format!("spec{number}"))
            .force(true);
        let spec = spec.build().unwrap();
        let diary = Diary::new(who.clone(), 0, &spec, OnShutdown::Stop, Duration::ZERO, 0);
        self.story.diaries.push(diary.clone());
        let network = Network::new(&self.world, &who, 0, self.chance.fork(), &self.matrix);
        let options = Options::default()
            .with_on_shutdown(OnShutdown::Stop)
            .with_jitter_seed(self.chance.draw());
        let submission = Submission::builder(network, spec).options(options);
        let submission = submission.shutdown(shutdown).build();
        tokio::spawn(async move {
            diary.read().resolves.push((Instant::now(), None));
            let allowed = Duration::from_secs(600);
            match diary.time("resolve", allowed, submission.run()).await {
                Ok(outcome) => {
                    if let stepwell::Outcome::Running(running) = outcome {
                        let (id, run_id) = (running.id().to_string(), running.job().run_id);
                        diary.tell(Told::Running { id, run_id });
                    }
                }
                Err(error) => diary.tell(Told::Failed(error)),
            }
        })
    }
}
