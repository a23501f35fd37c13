//! What is not done without being requested.

use std::sync::Arc;

use stepwell::{
    Error, PipelineId, PipelineSpec, Resolution, error::ResolveError, spec::Intent, state::Plan,
};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::Scene,
};

pub(crate) async fn others_are_refused_and_force_creates_beside_them(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let other = scene.finite("other").build()?;
    let other_id = scene.made_elsewhere(&other).await?;
    let spec = scene.endless("second").force(false);
    let validated = scene.validated(spec.clone().build()?).await?;
    // Every attempt is refused.
    let validated = match validated.resolve().await {
        Err(refused) => {
            names(refused.error(), &other_id, other.name())?;
            refused.into_submission()
        }
        Ok(resolution) => return Err(Failure::new(format!("not refused: {resolution:?}"))),
    };
    names(&error_of(validated.plan().await)?, &other_id, other.name())?;
    assert_eq!(scene.ours().await?.len(), 1, "nothing was created");

    let forced = scene.validated(spec.force(true).build()?).await?;
    let Plan::Create { forced_past, .. } = forced.plan().await? else {
        return Err(Failure::new("it would not create"));
    };
    assert!(forced_past.iter().any(|one| one.id == other_id));
    let resolution = forced.resolve().await?;
    assert!(
        matches!(resolution, Resolution::Created(_)),
        "{resolution:?}"
    );
    let _ = resolution.register().wait_until_running().await?;
    assert_eq!(scene.ours().await?.len(), 2);
    Ok(())
}

/// Checks that the refusal names the other pipeline; it may name those of other clients too.
fn names(error: &Error, id: &PipelineId, name: &str) -> Result<(), Failure> {
    let Error::Resolve {
        source: ResolveError::OtherPipelines { others, .. },
    } = error
    else {
        return Err(unexpected(error));
    };
    let named = others.iter().any(|one| one.id == *id && one.name == name);
    assert!(named, "{others:?}");
    Ok(())
}

pub(crate) async fn what_was_created_can_be_undone(scene: Arc<Scene>) -> Result<(), Failure> {
    let validated = scene.validated(scene.endless("undone").build()?).await?;
    let Resolution::Created(created) = validated.resolve().await? else {
        return Err(Failure::new("there was nothing to resume"));
    };
    assert_eq!(scene.ours().await?.len(), 1);
    created.discard().await?;
    assert_eq!(scene.ours().await?.len(), 0);
    Ok(())
}

pub(crate) async fn each_intent_does_only_what_it_says(scene: Arc<Scene>) -> Result<(), Failure> {
    let spec = scene.endless("intent");
    let none = resolve_error(&scene, spec.clone().intent(Intent::ResumeOnly).build()?).await?;
    assert!(
        matches!(none, ResolveError::NothingToResume { .. }),
        "{none}"
    );
    assert_eq!(scene.ours().await?.len(), 0);

    let create_only = spec.clone().intent(Intent::CreateOnly).build()?;
    let id = scene.running(create_only.clone()).await?.detach();
    let exists = resolve_error(&scene, create_only).await?;
    let ResolveError::AlreadyExists { existing } = &exists else {
        return Err(unexpected(&exists.into()));
    };
    assert_eq!(existing.id, id);

    for intent in [Intent::ResumeOnly, Intent::Resume(id.clone())] {
        let running = scene.running(spec.clone().intent(intent).build()?).await?;
        assert_eq!(*running.id(), id);
        assert_eq!(running.is_created_here(), Some(false));
    }
    assert_eq!(scene.ours().await?.len(), 1);
    Ok(())
}

async fn resolve_error(scene: &Scene, spec: PipelineSpec) -> Result<ResolveError, Failure> {
    match error_of(scene.validated(spec).await?.resolve().await)? {
        Error::Resolve { source } => Ok(source),
        other => Err(unexpected(&other)),
    }
}
