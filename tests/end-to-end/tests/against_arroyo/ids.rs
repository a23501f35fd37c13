//! Ids chosen by the client, and attaching to a pipeline by its id.

use std::sync::Arc;

use stepwell::{
    Error, JobState, Outcome, PipelineId, Shutdown, Submission,
    error::{AttachError, ResolveError},
    spec::{FindBy, Identity},
};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::{Scene, options},
    wire::SmallPages,
};

const NOT_PLAYED: &str = "not played: the server does not let clients choose an id";

pub(crate) async fn a_chosen_id_is_kept_and_taken_up_again_by_it(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    if !scene.generation().await?.takes_ids() {
        scene.say(NOT_PLAYED);
        return Ok(());
    }
    let id = PipelineId::new(Scene::id("chosen"))?;
    scene.note(&id);
    let identity = Identity::Given(id.clone());
    let spec = scene.endless("chosen").identity(identity.clone());
    let running = scene.running(spec.build()?).await?;
    assert_eq!(running.detach(), id);

    // The orchestrator was restarted, and only knows the id.
    let attached =
        Submission::attach(scene.transport(), id.clone(), &Shutdown::new(), options()).await?;
    assert_eq!(attached.is_created_here(), None);
    let running = attached.wait_until_running().await?;
    assert_eq!(running.job().run_id, 1);

    // Another client wants a different query under this id.
    let other = scene.endless("other").identity(identity).build()?;
    match error_of(scene.validated(other).await?.resolve().await)? {
        Error::Resolve {
            source: ResolveError::Conflict { id: taken, .. },
        } => assert_eq!(taken, id),
        other => return Err(unexpected(&other)),
    }
    scene.stopped(running).await?;
    assert_eq!(scene.ours().await?.len(), 1);
    Ok(())
}

/// The list is not read, however many pipelines there are.
pub(crate) async fn one_that_is_found_by_its_id_is_made_once(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    if !scene.generation().await?.takes_ids() {
        scene.say(NOT_PLAYED);
        return Ok(());
    }
    let other = scene.running(scene.endless("other").build()?).await?;
    let counted = SmallPages::new(scene.transport(), 10);
    let spec = scene.endless("found").find_by(FindBy::Id).build()?;
    let id = PipelineId::for_spec("", spec.name(), spec.query());
    for created_here in [true, false] {
        let submission = Submission::builder(counted.clone(), spec.clone())
            .options(options())
            .build();
        let Outcome::Running(running) = Box::pin(submission.run()).await? else {
            return Err(Failure::new("it does not end".to_owned()));
        };
        assert_eq!(running.job().run_id, 1);
        assert_eq!(running.is_created_here(), Some(created_here));
        assert_eq!(running.detach(), id);
    }
    assert_eq!(counted.read(), 0);
    assert_eq!(scene.ours().await?.len(), 2);

    // Without `force`, the error names the other pipeline, which was created by a `PUT`.
    let spec = scene.endless("third").find_by(FindBy::Id).force(false);
    match error_of(scene.validated(spec.build()?).await?.resolve().await)? {
        Error::Resolve {
            source: ResolveError::NoneWithId { newest, .. },
        } => assert!(!newest.is_empty()),
        other => return Err(unexpected(&other)),
    }
    scene.stopped(other).await?;
    Ok(())
}

pub(crate) async fn odd_ids_find_their_pipelines(scene: Arc<Scene>) -> Result<(), Failure> {
    if !scene.generation().await?.takes_ids() {
        scene.say(NOT_PLAYED);
        return Ok(());
    }
    let plain = Scene::id("");
    let longest = format!("{plain}{}", "x".repeat(64 - plain.len()));
    let mut ids = Vec::new();
    // The ids that stepwell itself derives.
    for text in [
        format!("-{plain}"),
        format!("_{plain}_"),
        plain.to_uppercase(),
        longest,
    ] {
        ids.push(PipelineId::new(text)?);
    }
    // Another client may have used any id: a server accepts everything.
    for odd in ["a b", "a/b", "a%2Fb", "a?b#c", "..", "ä", &"y".repeat(300)] {
        ids.push(PipelineId::from_server(format!("{plain}{odd}")));
    }
    for (number, id) in ids.into_iter().enumerate() {
        scene.note(&id);
        let spec = scene
            .endless(&format!("odd{number}"))
            .identity(Identity::Given(id.clone()));
        let running = scene.running(spec.build()?).await?;
        assert_eq!(*running.id(), id);
        let attached =
            Submission::attach(scene.transport(), id.clone(), &Shutdown::new(), options()).await?;
        let stopped = attached.stop().await?;
        assert_eq!(*stopped.id(), id);
        assert_eq!(stopped.job().state, JobState::Stopped);
        assert!(scene.ours().await?.iter().any(|listed| listed.id == id));
    }
    Ok(())
}

pub(crate) async fn an_id_that_is_not_there_is_told(scene: Arc<Scene>) -> Result<(), Failure> {
    let id = PipelineId::new(Scene::id("nowhere"))?;
    let shutdown = Shutdown::new();
    let attached = Submission::attach(scene.transport(), id.clone(), &shutdown, options());
    match error_of(attached.await)? {
        Error::Attach {
            source: AttachError::NotFound { id: missing },
        } => assert_eq!(missing, id),
        other => return Err(unexpected(&other)),
    }
    Ok(())
}
