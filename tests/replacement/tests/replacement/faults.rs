//! Faults at every request, of a replacement and of its rerun.

use stepwell::{SharedTransport, Shutdown, error::Chain, transport::Transport as _};
use stepwell_control_plane::{Generation, Scheduler};

use crate::support::*;

/// As long as no process lives for without an answer.
const LONG: u64 = 10_000;

/// What a replacement meets.
#[derive(Clone, Debug)]
struct Play {
    generation: Generation,
    /// Whether the new query fails.
    fails: bool,
    keeps_old: bool,
    /// Whether all runs are calls in one process, under one shutdown.
    in_one_process: bool,
    first: Vec<At>,
    /// The faults in the rerun. There is a third run without if there are some.
    second: Vec<At>,
}

impl Play {
    fn new(fails: bool, first: impl IntoIterator<Item = At>) -> Self {
        Self {
            generation: Generation::V0_16,
            fails,
            keeps_old: false,
            in_one_process: false,
            first: first.into_iter().collect(),
            second: Vec::new(),
        }
    }

    /// Plays it, and returns how many requests the first run has sent.
    async fn run(&self) -> usize {
        let (server, old) = server_of_with_old(self.generation).await;
        if self.fails {
            server.set_workers(NEW, failing());
        }
        let options = stepwell::replacement::ReplacementOptions::default()
            .with_keep_old(self.keeps_old)
            // A 0.15 often does not show whether there was a final checkpoint.
            .with_without_checkpoint(self.generation != Generation::V0_16);
        let mut runs = vec![&self.first];
        if !self.second.is_empty() {
            runs.push(&self.second);
        }
        let mut requests = None;
        let mut writes = Vec::new();
        let process = Shutdown::new();
        let shutdown_of_run = || {
            if self.in_one_process {
                process.clone()
            } else {
                Shutdown::new()
            }
        };
        for faults in runs {
            let faulty = Faulty::new(&server, faults.iter().copied());
            let shutdown = shutdown_of_run();
            let transport = faulty.clone().into_shared();
            let replacing = Box::pin(replace_with(transport, &old, &shutdown, options.clone()));
            let ended = tokio::time::timeout(seconds(LONG), replacing).await;
            writes.push(faulty.writes());
            match &ended {
                Ok(Ok(_)) => assert_eq!(running_names(&server), ["new"], "{self:?}: {writes:?}"),
                Ok(Err(error)) => {
                    assert!(self.fails || !faults.is_empty(), "{self:?}: {error:?}");
                    self.tells_what_is_meant_to_run(error, &server);
                }
                Err(_) => {
                    let kills = faults.iter().any(|(.., fault)| fault.kills());
                    assert!(kills, "{self:?}: it does not end");
                }
            }
            assert!(faulty.most_at_once() <= 1, "{self:?}: {writes:?}");
            requests.get_or_insert(faulty.requests());
        }

        let again = Faulty::new(&server, None);
        let shutdown = shutdown_of_run();
        let transport = again.clone().into_shared();
        let ended = replace_with(transport, &old, &shutdown, options).await;
        let names = running_names(&server);
        writes.push(again.writes());
        let told = format!("{self:?}: {writes:?}");
        match &ended {
            Ok(running) => {
                assert!(!self.fails, "{told}");
                assert_eq!(running.name(), "new", "{told}");
                assert_eq!(names, ["new"], "{told}");
                let is_there = server.pipeline(&old).is_some();
                assert_eq!(is_there, self.keeps_old, "{told}: the old one");
            }
            Err(error) => {
                let text = Chain(error).to_string();
                assert!(self.fails, "{told}: {text}");
                assert_eq!(names, ["old"], "{told}: {text}");
            }
        }
        assert!(again.most_at_once() <= 1, "{told}");
        requests.unwrap_or_default()
    }

    fn tells_what_is_meant_to_run(
        &self,
        error: &stepwell::Error,
        server: &stepwell_control_plane::testing::Server,
    ) {
        use stepwell::error::MeantToRun::{Both, Neither, New, Old};
        let stepwell::Error::Replacement { source } = error else {
            return;
        };
        let names = running_names(server);
        let is_true = match source.meant_to_run() {
            Some(Old) => names == ["old"],
            Some(New) => names == ["new"],
            Some(Neither) => names.is_empty(),
            Some(Both) => false,
            _ => true,
        };
        let text = Chain(error).to_string();
        assert!(is_true, "{self:?}: {names:?} is meant to run: {text}");
    }
}

/// A single fault at each request: `step`th of the requests, `count` requests long.
async fn every_request(play: Play, step: usize, count: usize) {
    let requests = play.run().await;
    assert!(requests > 20, "{requests}");
    for at in (0..requests).step_by(step) {
        for fault in Fault::ALL {
            if count == 1 || !fault.kills() {
                let first = vec![(at, count, fault)];
                let play = play.clone();
                Play { first, ..play }.run().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_comes_up_takes_the_place_of_the_old_one_whichever_request_fails() {
    every_request(Play::new(false, None), 1, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_query_that_fails_gives_its_place_back_whichever_request_fails() {
    every_request(Play::new(true, None), 3, 1).await;
}

/// So long that the deadlines of some steps pass.
#[tokio::test(start_paused = true)]
async fn an_outage_at_any_request_leaves_nothing_that_a_rerun_does_not_mend() {
    for fails in [false, true] {
        every_request(Play::new(fails, None), 8, 200).await;
    }
}

/// A release that chooses the ids itself, and has no kinds of checkpoints.
#[tokio::test(start_paused = true)]
async fn so_it_is_on_a_server_that_does_not_take_ids() {
    for fails in [false, true] {
        let mut play = Play::new(fails, None);
        play.generation = Generation::V0_15(Scheduler::Process);
        every_request(play, if fails { 16 } else { 5 }, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_one_that_is_kept_stays_stopped_whichever_request_fails() {
    let mut play = Play::new(false, None);
    play.keeps_old = true;
    every_request(play, 4, 1).await;
}

/// The caller may drop a replacement in the middle of a step, too, and begin anew under the same shutdown.
#[tokio::test(start_paused = true)]
async fn a_rerun_in_the_same_process_ends_as_one_in_another() {
    for fails in [false, true] {
        let mut play = Play::new(fails, None);
        play.in_one_process = true;
        every_request(play, if fails { 15 } else { 4 }, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_faults_in_one_run_are_mended_by_a_rerun() {
    use Fault::{BadGateway, KilledAfter, LostAfter, LostBefore};
    for fails in [false, true] {
        let requests = Play::new(fails, None).run().await;
        for first in (0..requests).step_by(21) {
            // The first one may add requests.
            for second in (first + 1..requests + 8).step_by(21) {
                for (one, other) in [
                    (LostAfter, KilledAfter),
                    (BadGateway, LostAfter),
                    (LostBefore, LostBefore),
                ] {
                    let faults = [(first, 3, one), (second, 3, other)];
                    Play::new(fails, faults).run().await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rerun_that_fails_too_is_mended_by_another_one() {
    use Fault::{KilledAfter, KilledBefore, LostAfter};
    for fails in [false, true] {
        let requests = Play::new(fails, None).run().await;
        for first in (0..requests).step_by(19) {
            for second in (2..requests).step_by(19) {
                for (one, other) in [(KilledAfter, KilledAfter), (KilledBefore, LostAfter)] {
                    let mut play = Play::new(fails, [(first, 1, one)]);
                    play.second = vec![(second, 2, other)];
                    play.run().await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_transport_is_what_both_submissions_have() {
    let (server, old) = server_with_old().await;
    let transport: SharedTransport = server.clone().into_shared();
    let running = replace(transport, &old, &Shutdown::new()).await.unwrap();
    assert_eq!(running.name(), "new");
}
