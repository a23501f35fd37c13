//! The simple case: from nothing to Running, and to Stopped.

use std::sync::Arc;

use stepwell::{Error, JobState, Resolution, StopMode, error::ValidateError};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::Scene,
};

pub(crate) async fn a_pipeline_is_created_runs_and_stops(scene: Arc<Scene>) -> Result<(), Failure> {
    let query = scene
        .query("stdout", "event_rate = '5'", "CAST(counter AS BIGINT)")
        .replace(
            "connector = 'blackhole'",
            "connector = 'stdout', format = 'json'",
        );
    let printing = scene.spec("stdout", &query);
    let generation = scene.generation().await?;
    for spec in [scene.endless("plain").build()?, printing.build()?] {
        let validated = scene.validated(spec.clone()).await?;
        assert!(!validated.graph().nodes().is_empty());
        let resolution = validated.resolve().await?;
        assert!(
            matches!(resolution, Resolution::Created(_)),
            "{resolution:?}"
        );
        let id = resolution.id().clone();
        let running = resolution.register().wait_until_running().await?;
        assert_eq!(running.job().run_id, 1);
        assert_eq!(running.is_created_here(), Some(true));
        let dashboard = running.dashboard_url().unwrap_or_default();
        assert!(
            dashboard.ends_with(&format!("/pipelines/{id}")),
            "{dashboard}"
        );
        let listed = scene.ours().await?;
        let listed = listed.iter().find(|pipeline| pipeline.id == id);
        assert_eq!(
            listed.map(|pipeline| pipeline.query.as_str()),
            Some(spec.query())
        );

        let stopped = running.stop().await?;
        let made = stopped.final_checkpoint();
        assert!(
            generation.allows_final_checkpoint(&StopMode::Checkpoint, made),
            "{made:?}"
        );
        assert_eq!(stopped.job().state, JobState::Stopped);
        assert!(!stopped.job().running_desired);
    }
    assert_eq!(scene.ours().await?.len(), 2);
    Ok(())
}

pub(crate) async fn a_query_with_an_error_is_refused_with_its_place_and_makes_nothing(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let query = scene.query("typo", "event_rate = '5'", "CAST(countr AS BIGINT)");
    let spec = scene.spec("typo", &query).build()?;
    let connected = scene.submission(spec).connect().await?;
    let diagnostics = match error_of(connected.validate().await)? {
        Error::Validate {
            source: ValidateError::Invalid { diagnostics, .. },
        } => diagnostics,
        other => return Err(unexpected(&other)),
    };
    assert!(diagnostics[0].message.contains("countr"), "{diagnostics:?}");
    let line = diagnostics[0].span.as_ref().map(|span| span.start.line);
    // Old servers report no position.
    assert!(line.is_none_or(|line| line == 4), "{diagnostics:?}");
    assert_eq!(scene.ours().await?.len(), 0);
    Ok(())
}
