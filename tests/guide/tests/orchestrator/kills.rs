//! `kill -9` at every request: the next life finds what the last one left, and nothing is there twice.

use stepwell::arroyo::SqlDiagnostic;
use stepwell_control_plane::testing::Failure;

use crate::world::{Kill, World};

const OLD: &str = "INSERT INTO archive SELECT id FROM orders";
const NEW: &str = "INSERT INTO archive SELECT id, price FROM orders";
const THIRD: &str = "INSERT INTO archive SELECT id, price, tax FROM orders";
const INVALID: &str = "INSERT INTO archive SELECT aaa FROM orders";

/// What is done to the file while no orchestrator lives, and what has to run then.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Nothing,
    Edited,
    Reverted,
    Broken,
    Deleted,
}

impl Meanwhile {
    const ALL: [Self; 5] = [
        Self::Nothing,
        Self::Edited,
        Self::Reverted,
        Self::Broken,
        Self::Deleted,
    ];
}

/// A life that does `first`, one that does `second` and is killed, and one that finds what is left. Returns whether it was killed.
async fn killed_at(
    first: Option<&str>,
    second: Option<&str>,
    at: (usize, Kill),
    meanwhile: Meanwhile,
) -> bool {
    let told = format!("{first:?}, {second:?}, killed at {at:?}, {meanwhile:?}");
    let world = World::new();
    world
        .server
        .refuse_queries("aaa", [SqlDiagnostic::new("column 'aaa' not found")]);
    if let Some(first) = first {
        world.write("orders", first);
        let mut life = world.start();
        life.until("orders", "runs").await;
        life.drain().await;
    }
    match second {
        Some(second) => world.write("orders", second),
        None => world.remove("orders"),
    }
    let mut life = world.start_to_be_killed(Some(at));
    let watched = life.watched.clone();
    let words = if second.is_some() { "runs" } else { "deleted" };
    let is_killed = tokio::select! {
        biased;
        () = watched.killed() => true,
        _ = life.until("orders", words) => false,
    };
    assert!(watched.most_at_once() <= 1, "{told}");
    life.kill().await;

    let text = match meanwhile {
        Meanwhile::Nothing => second,
        Meanwhile::Edited => Some(THIRD),
        Meanwhile::Reverted => Some(first.unwrap_or(OLD)),
        Meanwhile::Broken => Some(INVALID),
        Meanwhile::Deleted => None,
    };
    match text {
        Some(text) => world.write("orders", text),
        None if second.is_some() => world.remove("orders"),
        None => {}
    }
    // A second file, whose pipeline shows that the life has come as far as this.
    world.write("marker", "INSERT INTO archive SELECT id FROM marker");
    let mut life = world.start();
    match text {
        Some(INVALID) => {
            life.until("orders", "aaa").await;
            // Whether there is an old one to run depends on when it was killed.
            if !world.of("orders").is_empty() {
                life.until("orders", "runs").await;
                let query = world.of("orders")[0].query.clone();
                assert!([first, second].contains(&Some(&query)), "{told}: {query}");
                world.assert_runs("orders", &query, &told);
            }
        }
        Some(text) => {
            life.until("orders", "runs").await;
            world.assert_runs("orders", text, &told);
        }
        None => {
            life.until("marker", "runs").await;
            if !world.of("orders").is_empty() || world.noted("orders").is_some() {
                life.until("orders", "deleted").await;
            }
            assert_eq!(world.of("orders"), [], "{told}");
            assert_eq!(world.noted("orders"), None, "{told}");
        }
    }
    assert!(life.watched.most_at_once() <= 1, "{told}");
    life.drain().await;
    is_killed
}

async fn at_every_request(first: Option<&str>, second: Option<&str>, least: usize) {
    for meanwhile in Meanwhile::ALL {
        let kills = match meanwhile {
            Meanwhile::Nothing => &[Kill::Before, Kill::After][..],
            _ => &[Kill::After],
        };
        for kill in kills {
            let mut at = 0;
            while killed_at(first, second, (at, *kill), meanwhile).await {
                at += 1;
            }
            assert!(at >= least, "{at} requests");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_found_again() {
    at_every_request(None, Some(OLD), 5).await;
}

#[tokio::test(start_paused = true)]
async fn a_replacement_goes_on() {
    at_every_request(Some(OLD), Some(NEW), 20).await;
}

#[tokio::test(start_paused = true)]
async fn a_deletion_goes_on() {
    at_every_request(Some(OLD), None, 4).await;
}

/// The kill falls into the roll-back, too.
#[tokio::test(start_paused = true)]
async fn a_roll_back_goes_on() {
    for kill in [Kill::Before, Kill::After] {
        for at in 0.. {
            let told = format!("killed at {at}, {kill:?}");
            let world = World::new();
            world.fail_runs_of("price");
            world.write("orders", OLD);
            let mut life = world.start();
            life.until("orders", "runs").await;
            life.drain().await;
            world.write("orders", NEW);
            let mut life = world.start_to_be_killed(Some((at, kill)));
            let watched = life.watched.clone();
            let is_killed = tokio::select! {
                biased;
                () = watched.killed() => true,
                _ = life.until("orders", "runs") => false,
            };
            life.kill().await;
            let mut life = world.start();
            life.until("orders", "rolled back").await;
            life.until("orders", "runs").await;
            world.assert_runs("orders", OLD, &told);
            assert!(life.watched.most_at_once() <= 1, "{told}");
            life.drain().await;
            if !is_killed {
                assert!(at >= 20, "{at} requests");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_while_no_orchestrator_lived_is_started_again() {
    let world = World::new();
    world.write("orders", OLD);
    let mut life = world.start();
    life.until("orders", "runs").await;
    let id = world.assert_runs("orders", OLD, "deployed");
    life.kill().await;
    world.server.fail(&id, Failure::new("no such topic"));
    let mut life = world.start();
    life.until("orders", "runs").await;
    assert_eq!(world.assert_runs("orders", OLD, "found again"), id);
}
