//! Submissions that share what is known of the server.

mod server;
mod stale;

use std::time::Duration;

use stepwell::{
    Error, Identity, Intent, Inventory, PipelineSpec, PipelineSpecBuilder, Resolution,
    ResolveError, Shutdown, Submission, Validated, WhenFinished,
};

use self::server::{Server, query};
use crate::support::{T0, created, id, millis, options, resolve_error, resumed, seconds};

const SECOND: u64 = 1_000_000;

fn of_query(query: String) -> PipelineSpecBuilder {
    PipelineSpec::builder(query).name("orders").force(true)
}

fn numbered(number: usize) -> PipelineSpec {
    of_query(query(number)).build().unwrap()
}

async fn validated(inventory: &Inventory, spec: PipelineSpec) -> Submission<Validated> {
    let submission = inventory.submit(spec).options(options().build()).build();
    submission
        .connect()
        .await
        .unwrap()
        .validate()
        .await
        .unwrap()
}

async fn resolve(inventory: &Inventory, spec: PipelineSpec) -> Resolution {
    validated(inventory, spec).await.resolve().await.unwrap()
}

/// An inventory that knows all that the server holds.
async fn filled(server: &Server) -> Inventory {
    let inventory = Inventory::new(server.clone());
    let _ = resumed(resolve(&inventory, numbered(0)).await);
    assert_eq!(server.lists(), (1, 0));
    inventory
}

#[tokio::test(start_paused = true)]
async fn a_hundred_submissions_read_the_list_once() {
    let server = Server::with(2_000);
    let inventory = Inventory::new(server.clone());
    let mut submissions = tokio::task::JoinSet::new();
    // Half of them are there, and half are new.
    for number in 1_950..2_050 {
        let inventory = inventory.clone();
        submissions.spawn(async move {
            tokio::time::sleep(millis(number as u64 % 40)).await;
            resolve(&inventory, numbered(number)).await
        });
    }
    let resolutions = submissions.join_all().await;
    let is_new = |resolution: &&Resolution| matches!(resolution, Resolution::Created(_));
    assert_eq!(resolutions.iter().filter(is_new).count(), 50);
    let (wholes, newest) = server.lists();
    assert_eq!(wholes, 1);
    // 300 rows are within five minutes, and one reading is for all who wait.
    assert!(newest < 3_000, "{newest} rows");
    let state = server.state();
    assert!(state.lists.len() < 8, "{:?}", state.lists);
    // Each match by its id, and nothing else.
    assert_eq!(state.gets, 50);
    assert_eq!(state.creates.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn without_an_inventory_each_reads_the_list() {
    let server = Server::with(100);
    for number in 0..3 {
        let submission = Submission::builder(server.clone(), numbered(number));
        let submission = submission.options(options().build()).build();
        let validated = submission
            .connect()
            .await
            .unwrap()
            .validate()
            .await
            .unwrap();
        let _ = resumed(validated.resolve().await.unwrap());
    }
    assert_eq!(server.lists(), (3, 0));
    assert_eq!(server.state().gets, 0);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_makes_in_between_is_found_and_not_made_twice() {
    let server = Server::with(1_000);
    let inventory = filled(&server).await;
    // Under an id that the server has chosen, so that it would refuse nothing.
    server.make("pl_theirs", &query(5_000), server.now());
    let found = resumed(resolve(&inventory, numbered(5_000)).await);
    assert_eq!(found.id().as_str(), "pl_theirs");
    assert_eq!(server.lists().0, 1);
    assert!(server.state().creates.is_empty());
}

#[tokio::test(start_paused = true)]
async fn many_that_are_new_are_read_over_several_pages() {
    let server = Server::with(100);
    let inventory = filled(&server).await;
    tokio::time::sleep(seconds(3_600)).await;
    server.make("pl_theirs", &query(5_000), server.now());
    for number in 0..300 {
        tokio::time::sleep(seconds(1)).await;
        server.make(&format!("pl_more_{number}"), "SELECT 1", server.now());
    }
    let found = resumed(resolve(&inventory, numbered(5_000)).await);
    assert_eq!(found.id().as_str(), "pl_theirs");
    assert_eq!(server.lists().0, 1);
    assert!(server.state().lists.len() > 3);
}

/// On SQLite the time of creation is a second.
#[tokio::test(start_paused = true)]
async fn what_is_made_in_the_second_of_the_newest_is_found() {
    let server = Server::with(1_000);
    for number in 0..40 {
        server.make(&format!("pl_tie_{number}"), "SELECT 1", T0);
    }
    let inventory = filled(&server).await;
    // So long after that no margin helps.
    tokio::time::sleep(seconds(3_600)).await;
    let _ = resumed(resolve(&inventory, numbered(1)).await);
    server.make("pl_theirs", &query(5_000), T0);
    let found = resumed(resolve(&inventory, numbered(5_000)).await);
    assert_eq!(found.id().as_str(), "pl_theirs");
    assert_eq!(server.lists().0, 1);
}

/// On PostgreSQL a pipeline has the time at which its transaction began, and shows when it ends.
#[tokio::test(start_paused = true)]
async fn what_shows_late_is_found() {
    let server = Server::with(1_000);
    let inventory = filled(&server).await;
    for (number, age) in [(5_000, 30), (5_001, 290)] {
        let theirs = format!("pl_theirs_{age}");
        server.make(&theirs, &query(number), T0 - age * SECOND);
        let found = resumed(resolve(&inventory, numbered(number)).await);
        assert_eq!(found.id().as_str(), theirs);
    }
    // A reading that saw newer ones moves on, and not beyond the margin.
    tokio::time::sleep(seconds(600)).await;
    server.make("pl_newer", "SELECT 1", server.now());
    let _ = resumed(resolve(&inventory, numbered(1)).await);
    server.make("pl_late", &query(5_002), server.now() - 200 * SECOND);
    let found = resumed(resolve(&inventory, numbered(5_002)).await);
    assert_eq!(found.id().as_str(), "pl_late");
    assert_eq!(server.lists().0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_is_noticed() {
    let server = Server::with(1_000);
    let inventory = filled(&server).await;
    server.make("pl_theirs", &query(5_000), T0 - 305 * SECOND);
    let found = resumed(resolve(&inventory, numbered(5_000)).await);
    assert_eq!(found.id().as_str(), "pl_theirs");
    assert_eq!(server.lists().0, 2);
}

#[tokio::test(start_paused = true)]
async fn another_server_behind_the_address_is_noticed() {
    let server = Server::with(1_000);
    let inventory = filled(&server).await;
    server.state().pipelines.clear();
    for number in 0..900 {
        server.make(
            &format!("pl_b_{number}"),
            &query(number),
            T0 - 1_000 * SECOND,
        );
    }
    let found = resumed(resolve(&inventory, numbered(7)).await);
    assert_eq!(found.id().as_str(), "pl_b_7");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_holds_nothing_is_no_special_case() {
    let server = Server::with(0);
    let inventory = Inventory::new(server.clone());
    let one = created(resolve(&inventory, numbered(1)).await);
    let again = resumed(resolve(&inventory, numbered(1)).await);
    assert_eq!(one.id(), again.id());
    server.make("pl_theirs", &query(2), server.now());
    let _ = resumed(resolve(&inventory, numbered(2)).await);
    assert_eq!(server.state().creates.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_fails_leaves_the_place_to_the_next() {
    let server = Server::with(100);
    let inventory = Inventory::new(server.clone());
    server.state().fails = 1;
    let one = validated(&inventory, numbered(1)).await;
    let other = validated(&inventory, numbered(2)).await;
    let (one, other) = tokio::join!(one.resolve(), other.resolve());
    let (error, _) = resolve_error(one);
    assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
    let _ = resumed(other.unwrap());
    assert_eq!(server.state().lists.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_given_up_leaves_the_place_to_the_next() {
    let server = Server::with(100);
    let inventory = Inventory::new(server.clone());
    server.state().hangs = 1;
    let one = validated(&inventory, numbered(1)).await;
    let other = validated(&inventory, numbered(2)).await;
    let given_up = tokio::time::timeout(millis(500), one.resolve());
    let (given_up, other) = tokio::join!(given_up, other.resolve());
    assert!(given_up.is_err());
    let _ = resumed(other.unwrap());
    assert_eq!(server.state().lists.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_reader_waits_within_its_own_time() {
    let server = Server::with(100);
    let inventory = Inventory::new(server.clone());
    server.state().hangs = usize::MAX;
    let slow = validated(&inventory, numbered(1)).await;
    let options = options().resolve_timeout(seconds(3)).build();
    let quick = inventory.submit(numbered(2)).options(options).build();
    let quick = quick.connect().await.unwrap().validate().await.unwrap();
    let slow = tokio::spawn(slow.resolve());
    tokio::time::sleep(millis(10)).await;
    let begun = tokio::time::Instant::now();
    let (error, quick) = resolve_error(quick.resolve().await);
    assert!(
        matches!(error, ResolveError::Unanswered { .. }),
        "{error:?}"
    );
    assert!(begun.elapsed() < seconds(4), "{:?}", begun.elapsed());
    slow.abort();
    server.state().hangs = 0;
    // Nobody has left it broken.
    let _ = resumed(quick.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_a_wait_for_another_reader() {
    let server = Server::with(100);
    let inventory = Inventory::new(server.clone());
    server.state().hangs = usize::MAX;
    let slow = tokio::spawn(validated(&inventory, numbered(1)).await.resolve());
    let shutdown = Shutdown::new();
    let options = options().shutdown(&shutdown).build();
    let other = inventory.submit(numbered(2)).options(options).build();
    let other = other.connect().await.unwrap().validate().await.unwrap();
    let other = tokio::spawn(other.resolve());
    tokio::time::sleep(Duration::from_millis(5)).await;
    shutdown.begin();
    let error = other.await.unwrap().unwrap_err().into_error();
    assert!(matches!(error, Error::ShutdownBegun), "{error:?}");
    slow.abort();
}

/// A server up to 0.15 chooses the ids: what was listed before a create is not what it made.
#[tokio::test(start_paused = true)]
async fn a_create_whose_reply_is_lost_is_told_from_what_was_there() {
    let server = Server::with(100);
    server.state().has_no_put = true;
    // A finished one of the same name and query, which a new run leaves where it is.
    server.make("pl_old", &query(5_000), T0);
    server.state().finished.push("pl_old".to_owned());
    let inventory = filled(&server).await;
    // This one only the newest pages have shown.
    server.make("pl_later", &query(5_000), server.now());
    server.state().finished.push("pl_later".to_owned());
    server.state().loses_create = true;
    let spec = of_query(query(5_000)).when_finished(WhenFinished::NewRun);
    let adopted = resumed(resolve(&inventory, spec.build().unwrap()).await);
    assert!(adopted.is_adopted());
    assert_eq!(adopted.id().as_str(), "pl_new_0");
    assert_eq!(server.state().creates.len(), 1);

    let again = of_query(query(5_000)).identity(Identity::ServerAssigned);
    let again = resumed(resolve(&inventory, again.build().unwrap()).await);
    assert_eq!(again.id().as_str(), "pl_new_0");
}

/// Pipelines come and go for as long as it is kept: that they have gone the newest pages do not show.
#[tokio::test(start_paused = true)]
async fn what_is_known_does_not_grow_without_end() {
    let server = Server::with(500);
    let inventory = filled(&server).await;
    for round in 0..20 {
        for number in 0..300 {
            server.delete(&format!("pl_{round}_{number}"));
        }
        tokio::time::sleep(seconds(1_000)).await;
        for number in 0..300 {
            let id = format!("pl_{}_{number}", round + 1);
            server.make(&id, "SELECT 1", server.now());
        }
        let _ = resumed(resolve(&inventory, numbered(0)).await);
    }
    let text = format!("{inventory:?}");
    let (_, known) = text.split_once("pipelines: ").unwrap();
    let known: usize = known.trim_end_matches(" }").parse().unwrap();
    assert!(known < 4_000, "{known}");
    let (wholes, _) = server.lists();
    assert!(wholes < 8, "{wholes}");
}

#[tokio::test(start_paused = true)]
async fn the_query_is_not_kept() {
    let server = Server::with(10);
    let inventory = filled(&server).await;
    let text = format!("{inventory:?}");
    assert!(text.contains("10") && !text.contains("SELECT"), "{text}");
}
