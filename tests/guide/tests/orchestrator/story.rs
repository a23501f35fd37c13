//! What happens to files in one life.

use std::time::Duration;

use stepwell::{JobState, StopMode, arroyo::SqlDiagnostic};
use stepwell_control_plane::{
    Generation, Scheduler,
    testing::{Failure, Server},
};

use crate::world::World;

const ORDERS: &str = "INSERT INTO archive SELECT id FROM orders";
const ORDERS_WITH_PRICE: &str = "INSERT INTO archive SELECT id, price FROM orders";
const CLICKS: &str = "INSERT INTO archive SELECT id FROM clicks";
const VIEWS: &str = "INSERT INTO archive SELECT id FROM views";

#[tokio::test(start_paused = true)]
async fn files_are_deployed_replaced_and_deleted_and_the_rest_is_left_running() {
    let world = World::new();
    world.write("orders", ORDERS);
    world.write("clicks", CLICKS);
    world.write("views", VIEWS);
    let mut life = world.start();
    for name in ["orders", "clicks", "views"] {
        life.until(name, "runs").await;
    }
    let old = world.assert_runs("orders", ORDERS, "deployed");
    let clicks = world.assert_runs("clicks", CLICKS, "deployed");
    world.assert_runs("views", VIEWS, "deployed");

    world.write("orders", ORDERS_WITH_PRICE);
    life.until("orders", "runs").await;
    let new = world.assert_runs("orders", ORDERS_WITH_PRICE, "edited");
    assert_ne!(new, old);

    let broken = "INSERT INTO archive SELECT aaa FROM clicks";
    let diagnostic = SqlDiagnostic::new("column 'aaa' not found");
    world.server.refuse_queries("aaa", [diagnostic]);
    world.write("clicks", broken);
    life.until("clicks", "column 'aaa' not found").await;
    life.next("clicks", &format!("pipeline {clicks} runs"))
        .await;
    assert_eq!(world.assert_runs("clicks", CLICKS, "refused"), clicks);

    let failing = "INSERT INTO archive SELECT id / 0 FROM clicks";
    world.fail_runs_of("/ 0");
    world.write("clicks", failing);
    let report = life.until("clicks", "division by zero").await;
    assert!(
        report.contains("rolled back; the old one is meant to run"),
        "{report}"
    );
    life.next("clicks", &format!("pipeline {clicks} runs"))
        .await;
    assert_eq!(world.assert_runs("clicks", CLICKS, "failed"), clicks);

    world.remove("views");
    life.until("views", "deleted").await;
    assert_eq!(world.of("views"), []);
    assert_eq!(world.noted("views"), None);

    assert!(life.watched.most_at_once() <= 1);
    assert_eq!(life.others(), [""; 0]);
    let report = life.drain().await;
    assert_eq!(report.entries.len(), 2, "{report}");
    assert_eq!(
        world.assert_runs("orders", ORDERS_WITH_PRICE, "drained"),
        new
    );
    assert_eq!(world.assert_runs("clicks", CLICKS, "drained"), clicks);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_fails_is_reported_and_started_again() {
    let world = World::new();
    world.write("orders", ORDERS);
    let mut life = world.start();
    life.until("orders", "runs").await;
    let id = world.assert_runs("orders", ORDERS, "deployed");
    world.server.fail(&id, Failure::new("no such topic"));
    life.until("orders", "no such topic").await;
    assert_eq!(world.server.pipeline(&id).unwrap().state, JobState::Failed);
    life.until("orders", "runs").await;
    world.assert_runs("orders", ORDERS, "restarted");

    world.server.stop(&id, &StopMode::Checkpoint);
    life.until("orders", "another client").await;
    life.until("orders", "runs").await;
    world.assert_runs("orders", ORDERS, "started again");
}

#[tokio::test(start_paused = true)]
async fn an_old_pipeline_that_fails_while_the_new_query_is_refused_is_started_again() {
    let world = World::new();
    world.write("orders", ORDERS);
    let mut life = world.start();
    life.until("orders", "runs").await;
    let id = world.assert_runs("orders", ORDERS, "deployed");
    world
        .server
        .refuse_queries("aaa", [SqlDiagnostic::new("column 'aaa' not found")]);
    world.write("orders", "SELECT aaa FROM orders");
    life.until("orders", "aaa").await;
    life.until("orders", "runs").await;
    world.server.fail(&id, Failure::new("no such topic"));
    life.until("orders", "no such topic").await;
    life.until("orders", "runs").await;
    assert_eq!(world.assert_runs("orders", ORDERS, "restarted"), id);

    world.server.accept_queries();
    world.write("orders", ORDERS_WITH_PRICE);
    life.until("orders", "runs").await;
    world.assert_runs("orders", ORDERS_WITH_PRICE, "mended");
}

#[tokio::test(start_paused = true)]
async fn one_file_that_never_runs_holds_up_no_other() {
    let world = World::new();
    world
        .server
        .refuse_queries("aaa", [SqlDiagnostic::new("column 'aaa' not found")]);
    world.write("broken", "SELECT aaa FROM orders");
    world.write("orders", ORDERS);
    let mut life = world.start();
    life.until("orders", "runs").await;
    life.until("broken", "column 'aaa' not found").await;
    // Nothing was created, so there is nothing to replace.
    world.write("broken", CLICKS);
    life.until("broken", "runs").await;
    world.assert_runs("broken", CLICKS, "mended");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_gone_for_a_moment_is_not_gone() {
    let world = World::new();
    world.write("orders", ORDERS);
    let mut life = world.start();
    life.until("orders", "runs").await;
    let id = world.assert_runs("orders", ORDERS, "deployed");
    world.remove("orders");
    tokio::time::sleep(Duration::from_millis(900)).await;
    world.write("orders", ORDERS);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(life.others(), [""; 0]);
    assert_eq!(world.assert_runs("orders", ORDERS, "written again"), id);
}

#[tokio::test(start_paused = true)]
async fn a_drain_in_the_middle_of_a_replacement_leaves_one_of_the_two() {
    for after in (0..12_000).step_by(250) {
        let world = World::new();
        world.write("orders", ORDERS);
        let mut life = world.start();
        life.until("orders", "runs").await;
        world.write("orders", ORDERS_WITH_PRICE);
        tokio::time::sleep(Duration::from_millis(after)).await;
        life.drain().await;
        let told = format!("after {after} ms");
        let running = world.of("orders").into_iter();
        let running = running.filter(|pipeline| pipeline.stop == StopMode::None);
        assert_eq!(running.count(), 1, "{told}: {:#?}", world.of("orders"));

        let mut life = world.start();
        life.until("orders", "runs").await;
        world.assert_runs("orders", ORDERS_WITH_PRICE, &told);
        assert!(life.watched.most_at_once() <= 1, "{told}");
        life.drain().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_query_is_tried_again_when_the_file_has_had_another_one() {
    let world = World::new();
    world.fail_runs_of("/ 0");
    let failing = "INSERT INTO archive SELECT id / 0 FROM orders";
    world.write("orders", ORDERS);
    let mut life = world.start();
    life.until("orders", "runs").await;
    for sql in [failing, ORDERS, failing] {
        world.write("orders", sql);
        if sql == failing {
            life.next("orders", "rolled back").await;
        }
        life.next("orders", "runs").await;
        world.assert_runs("orders", ORDERS, sql);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_chooses_the_ids_will_do() {
    let generation = Generation::V0_15(Scheduler::default());
    let world = World::with(Server::builder().generation(generation).build());
    world.write("orders", ORDERS);
    let mut life = world.start();
    life.until("orders", "runs").await;
    let id = world.assert_runs("orders", ORDERS, "deployed");
    life.drain().await;

    let mut life = world.start();
    life.until("orders", "runs").await;
    assert_eq!(world.assert_runs("orders", ORDERS, "found again"), id);
    world.write("orders", ORDERS_WITH_PRICE);
    life.until("orders", "runs").await;
    let id = world.assert_runs("orders", ORDERS_WITH_PRICE, "edited");
    life.kill().await;

    let mut life = world.start();
    life.until("orders", "runs").await;
    assert_eq!(world.assert_runs("orders", ORDERS_WITH_PRICE, "killed"), id);
    world.remove("orders");
    life.until("orders", "deleted").await;
    assert_eq!(world.of("orders"), []);
}
