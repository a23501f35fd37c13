//! The whole chain over real sockets, and the rows that come of it, which only an engine of one's own shows. All else is in
//! `against_arroyo`.

mod support;

use stepwell::{Resolution, Submission};
use support::{Place, counting, transport};

#[tokio::test]
async fn a_pipeline_is_created_runs_stops_and_goes_on_exactly() {
    let place = Place::new();
    let (engine, rows) = place.engine().await;
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
        let stopped = running.stop().await.unwrap();
        assert_eq!(stopped.final_checkpoint(), Some(true));
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]));
    let counters = rows.counters();
    assert!(
        counters.iter().copied().eq(0..counters.len() as u64),
        "no row twice, none lost: {counters:?}"
    );
    engine.close().await.unwrap();
}
