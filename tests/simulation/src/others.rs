//! Everybody else: what was there before, what stands beside, and who meddles.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use stepwell::{Options, PipelineId, PipelineSpec, Submission};
use tokio::time::Instant;

use crate::{
    Chance,
    fault::Focus,
    history::Life,
    matrix::Matrix,
    network::Network,
    oddity::STRANGERS_QUERY,
    purpose::Purpose,
    scenario::Rolled,
    submitter::query,
    world::{Sent, World},
};

/// A request that nothing happens to.
pub(crate) fn send(world: &World, who: &str, method: Method, path: &str, body: &str) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    let sent = Sent {
        who,
        at: Instant::now(),
        late: false,
    };
    world.lock().answer(sent, &request);
}

pub(crate) fn create(world: &World, who: &str, name: &str, query: &str) -> String {
    let body = serde_json::json!({"name": name, "query": query, "parallelism": 1});
    send(
        world,
        who,
        Method::POST,
        "/api/v1/pipelines",
        &body.to_string(),
    );
    world.lock().lives.last().unwrap().id.clone()
}

fn put(world: &World, who: &str, name: &str, query: &str) -> String {
    let body = serde_json::json!({"name": name, "query": query, "parallelism": 1});
    let id = PipelineId::for_spec("", name, query);
    let path = format!("/api/v1/pipelines/{id}");
    send(world, who, Method::PUT, &path, &body.to_string());
    id.to_string()
}

fn stop(world: &World, who: &str, id: &str, mode: &str) {
    let body = format!(r#"{{"stop":"{mode}"}}"#);
    let path = format!("/api/v1/pipelines/{id}");
    send(world, who, Method::PATCH, &path, &body);
}

/// A pipeline of the first query that is there already: in any state that the chance of the moment brings. Where some look by id, it has
/// the id that they look for.
pub async fn make_one_before(
    world: &World,
    focus: Option<Focus>,
    by_id: bool,
    chance: &mut Chance,
) {
    let id = if by_id {
        put(world, "before", "spec0", &query(0))
    } else {
        create(world, "before", "spec0", &query(0))
    };
    tokio::time::sleep(chance.millis(0, 8_000)).await;
    let restarts = focus.is_some_and(|focus| focus.purpose == Purpose::Restart);
    let end = match focus.map(|focus| focus.purpose) {
        Some(Purpose::Restart) => 2,
        Some(Purpose::Start) => 6,
        _ => chance.below(10),
    };
    match end {
        0 | 1 => {}
        2..=5 if restarts || chance.percent(50) => world.fail_for_good(&id).await,
        2..=5 => world.fail(&id),
        _ => stop(
            world,
            "before",
            &id,
            if chance.percent(70) {
                "checkpoint"
            } else {
                "immediate"
            },
        ),
    }
    tokio::time::sleep(chance.millis(0, 12_000)).await;
}

/// Pipelines of other queries, ended so that they can be deleted.
pub async fn make_fillers(world: &World, chance: &mut Chance, count: u64) {
    for number in 0..count {
        let query = format!("SELECT 'filler {number}'");
        let id = create(world, "filler", &format!("filler{number}"), &query);
        if chance.percent(80) {
            stop(world, "filler", &id, "immediate");
        }
        tokio::time::sleep(chance.millis(0, 1_500)).await;
    }
}

/// Somebody else, who submits, stops, resumes, restarts and deletes as he likes.
pub async fn meddle(world: World, mut chance: Chance, matrix: Matrix) {
    for _ in 0..=chance.below(4) {
        tokio::time::sleep(chance.millis(0, 5_000)).await;
        let ids: Vec<String> = {
            let inner = world.lock();
            let there = inner.lives.iter().filter(|life| life.deleted_at.is_none());
            there.map(|life| life.id.clone()).collect()
        };
        let some = usize::try_from(chance.below(ids.len().max(1) as u64)).unwrap();
        let id = ids.get(some);
        match (chance.below(6), id) {
            (0, _) => {
                let spec = PipelineSpec::builder(query(0)).name("spec0").force(true);
                let fork = chance.fork();
                let network = Network::new(&world, "rival", 0, fork, &matrix);
                let options = Options::default().with_jitter_seed(chance.clone().draw());
                let submission = Submission::builder(network, spec.build().unwrap());
                let submission = submission.options(options).build();
                let _outcome = submission.run().await;
            }
            (1, _) => {
                create(&world, "rival", "spec0", &query(0));
            }
            (2, Some(id)) => stop(&world, "rival", id, "checkpoint"),
            (3, Some(id)) => stop(&world, "rival", id, "none"),
            (4, Some(id)) => {
                let path = format!("/api/v1/pipelines/{id}/restart");
                send(&world, "rival", Method::POST, &path, "{}");
            }
            (_, Some(id)) => {
                let path = format!("/api/v1/pipelines/{id}");
                send(&world, "rival", Method::DELETE, &path, "");
            }
            (_, None) => {}
        }
    }
}

/// Starts again what has ended.
pub(crate) fn start_again(world: &World, who: &str, id: &str) {
    let failed = world.lock().life(id).is_some_and(|life| {
        life.moments
            .last()
            .is_some_and(|moment| moment.state == "Failed")
    });
    if failed {
        let path = format!("/api/v1/pipelines/{id}/restart");
        send(world, who, Method::POST, &path, "{}");
    } else {
        stop(world, who, id, "none");
    }
}

/// Another client deletes a pipeline that is there, and mostly makes it anew under its id, with the same query or another.
pub async fn remake(world: World, mut chance: Chance) {
    tokio::time::sleep(chance.millis(1_000, 15_000)).await;
    let found = {
        let inner = world.lock();
        let mut lives = inner.lives.iter().rev();
        let found = lives.find(|life| life.deleted_at.is_none() && life.made_by.starts_with('p'));
        found.cloned()
    };
    let Some(life) = found else { return };
    stop(&world, "rival", &life.id, "immediate");
    for _ in 0..300 {
        let is_alive = world.lock().life(&life.id).is_some_and(Life::is_alive);
        if !is_alive {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let path = format!("/api/v1/pipelines/{}", life.id);
    send(&world, "rival", Method::DELETE, &path, "");
    tokio::time::sleep(chance.millis(0, 3_000)).await;
    if chance.percent(75) {
        let query = if chance.percent(70) {
            &life.query
        } else {
            STRANGERS_QUERY
        };
        let body = serde_json::json!({"name": life.name, "query": query, "parallelism": 1});
        send(&world, "rival", Method::PUT, &path, &body.to_string());
    }
}

/// Jobs of ours fail, and have recovered a moment later.
pub async fn blink(world: World, mut chance: Chance) {
    for _ in 0..40 {
        tokio::time::sleep(chance.millis(500, 4_000)).await;
        let ids: Vec<String> = {
            let inner = world.lock();
            let lives = inner.lives.iter().filter(|life| life.is_alive());
            lives.map(|life| life.id.clone()).collect()
        };
        for id in ids {
            world.fail_for_a_moment(&id);
        }
    }
}

/// What a watch has to notice: the server is gone for long, or the pipeline for ever, or nothing of that.
pub async fn end_of_a_watch(world: World, mut chance: Chance) {
    tokio::time::sleep(chance.millis(5_000, 20_000)).await;
    match chance.below(3) {
        0 => world.lock().go_down(Duration::from_secs(90)),
        1 => {
            let ids: Vec<String> = {
                let inner = world.lock();
                inner.lives.iter().map(|life| life.id.clone()).collect()
            };
            for id in &ids {
                stop(&world, "rival", id, "immediate");
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            for id in &ids {
                let path = format!("/api/v1/pipelines/{id}");
                send(&world, "rival", Method::DELETE, &path, "");
            }
        }
        _ => {}
    }
}

/// Nodes with `PUT` come, or go.
pub async fn roll(world: World, rolled: Rolled) {
    let (before, after) = if rolled.gains { (100, 0) } else { (0, 100) };
    world.lock().old_nodes = before;
    tokio::time::sleep(rolled.after).await;
    world.lock().old_nodes = 50;
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.lock().old_nodes = after;
}

/// New pipelines of others come while lists are read.
pub async fn come_and_go(world: World, mut chance: Chance) {
    for number in 0..chance.below(4) {
        tokio::time::sleep(chance.millis(0, 3_000)).await;
        let query = format!("SELECT 'late filler {number}'");
        create(&world, "filler", "late", &query);
    }
}

/// So long after everything whatever was still on its way has arrived.
pub const ARRIVED: Duration = Duration::from_secs(120);
