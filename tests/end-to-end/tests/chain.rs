//! The whole chain over real sockets, including the rows, which only an engine of our own shows. Everything else is in `against_arroyo`.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use stepwell::{Resolution, Submission};
use support::{Generation, Place, counting, transport};

#[tokio::test]
async fn a_pipeline_is_created_runs_stops_and_goes_on_exactly() {
    go_on_exactly(Generation::V0_16).await;
}

#[tokio::test]
async fn so_does_one_on_a_0_15() {
    go_on_exactly(Generation::V0_15).await;
}

async fn go_on_exactly(generation: Generation) {
    let place = Place::new();
    let (engine, rows) = place.engine_of(generation).await;
    let transport = transport(&engine);
    let mut ids = Vec::new();
    for round in 1..=3 {
        let validated = Submission::new(transport.clone(), counting("a"))
            .connect()
            .await
            .unwrap()
            .validate()
            .await
            .unwrap();
        assert_eq!(validated.graph().nodes().len(), 3);
        let resolution = validated.resolve().await.unwrap();
        assert_eq!(matches!(resolution, Resolution::Created(_)), round == 1);
        let running = resolution.register().wait_until_running().await.unwrap();
        assert_eq!(running.job().run_id, round);
        assert!(
            running
                .dashboard_url()
                .unwrap()
                .ends_with(&format!("/pipelines/{}", running.id()))
        );
        rows.wait_for(usize::try_from(round).unwrap() * 3).await;
        ids.push(running.id().clone());
        let id = running.id().to_string();
        // The server chose the id, or it follows from the spec.
        assert_eq!(id.starts_with("pl_"), generation == Generation::V0_15);
        let stopped = running.stop().await.unwrap();
        match generation {
            // The engine is faster than any poll, and the server does not show the kind of a checkpoint.
            Generation::V0_15 => assert_ne!(stopped.final_checkpoint(), Some(false)),
            Generation::V0_16 => assert_eq!(stopped.final_checkpoint(), Some(true)),
        }
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]));
    let counters = rows.counters();
    assert!(
        counters.iter().copied().eq(0..counters.len() as u64),
        "no row twice, none lost: {counters:?}"
    );
    engine.close().await.unwrap();
}
