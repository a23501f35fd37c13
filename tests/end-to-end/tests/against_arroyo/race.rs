//! Two clients that submit the same spec at the same time.

use std::{collections::BTreeSet, sync::Arc};

use stepwell::{
    Error, Outcome, PipelineId, PipelineSpec, Submission, error::ResolveError, spec::Identity,
};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::Scene,
};

/// The ids of the running pipelines that both submissions return.
async fn both(scene: &Scene, spec: &PipelineSpec) -> Result<BTreeSet<PipelineId>, Failure> {
    // Each has its own transport: like two processes, they share nothing.
    let submit = || async {
        let transport = scene.server.transport()?;
        let submission = Submission::new(transport, spec.clone());
        match Box::pin(submission.run()).await? {
            Outcome::Running(running) => Ok(running.detach()),
            other => Err(Failure::new(format!("it does not end: {other:?}"))),
        }
    };
    let (one, other) = tokio::join!(submit(), submit());
    Ok([one?, other?].into())
}

pub(crate) async fn two_that_submit_the_same_at_once_make_one(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    if !scene.generation().await?.takes_ids() {
        scene.say(
            "not played: the server does not let clients choose an id, so both may create one",
        );
        return Ok(());
    }
    for round in 0..5 {
        let spec = scene.endless(&format!("race{round}")).build()?;
        let ids = both(&scene, &spec).await?;
        let expected = PipelineId::for_spec("", spec.name(), spec.query());
        assert_eq!(ids, [expected].into());
        assert_eq!(scene.ours().await?.len(), round + 1);
    }
    Ok(())
}

/// Where the server chooses ids, each client may create a pipeline, as documented in the guarantees. The promise is that the next run
/// reports it.
pub(crate) async fn two_that_let_the_server_choose_ids_are_told_apart_by_the_next_run(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    for round in 0..3 {
        let spec = scene
            .endless(&format!("race{round}"))
            .identity(Identity::ServerAssigned)
            .build()?;
        let ids = both(&scene, &spec).await?;
        let listed = scene.ours().await?;
        let made: BTreeSet<_> = listed
            .iter()
            .filter(|pipeline| pipeline.name == spec.name())
            .map(|pipeline| pipeline.id.clone())
            .collect();
        assert_eq!(made, ids, "each has told of what it made");
        let next = scene.validated(spec).await?.resolve().await;
        if made.len() == 1 {
            assert_eq!(Some(next?.id()), made.first());
            continue;
        }
        match error_of(next)? {
            Error::Resolve {
                source: ResolveError::Ambiguous { matches },
            } => {
                let named: BTreeSet<_> = matches.into_iter().map(|one| one.id).collect();
                assert_eq!(named, made);
            }
            other => return Err(unexpected(&other)),
        }
    }
    Ok(())
}
