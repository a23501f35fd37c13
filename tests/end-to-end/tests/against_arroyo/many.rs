//! Many pipelines, and lists with several pages.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc, time::Duration};

use stepwell::{
    Error, JobState, PipelineId, PipelineSpec, Resolution, Submission, Transport as _,
    arroyo::Client, error::ResolveError,
};
use tokio::task::JoinSet;

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::{Scene, options},
    wire::SmallPages,
};

const MANY: usize = 200;

/// How many are created at once; a small server has few slots.
const BATCH: usize = 8;

/// The time between two batches. All pipelines created within a second must fit on a page, because SQLite stores their creation times in
/// seconds.
const PACE: Duration = Duration::from_millis(200);

pub(crate) async fn two_hundred_are_listed_once_each_however_small_the_pages(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    // The oldest pipeline is on the last page.
    let oldest = scene.endless("oldest").build()?;
    let stopped = scene.running(oldest.clone()).await?.stop().await?;
    let mut made = make(&scene).await?;
    made.insert(stopped.id().clone());

    let default = NonZeroU32::new(10).ok_or_else(|| Failure::new("10 is 0"))?;
    let page = scene.client().pipelines_page(default, None).await?;
    assert!(page.has_more && page.data.len() == 10);
    assert_eq!(ours_by(&scene, &scene.client()).await?, made);

    // If a page holds all pipelines created within a second, the next page is as small; if not, a large one must follow.
    for (limit, several_small) in [(50, true), (7, false)] {
        let small = SmallPages::new(scene.transport(), limit);
        let client = Client::new(small.clone().into_shared());
        assert_eq!(ours_by(&scene, &client).await?, made, "pages of {limit}");
        assert!(small.read() > 1, "one page of {limit} cannot hold all");
        assert!(!several_small || small.small() > 1);
        found_again(&scene, &small, &oldest, stopped.id()).await?;
    }
    Ok(())
}

/// Creates many pipelines that finish, one batch at a time.
async fn make(scene: &Arc<Scene>) -> Result<BTreeSet<PipelineId>, Failure> {
    let mut made = BTreeSet::new();
    let mut pace = tokio::time::interval(PACE);
    for batch in 0..MANY / BATCH {
        pace.tick().await;
        let mut creates = JoinSet::new();
        for number in 0..BATCH {
            let spec = scene.finite(&format!("many{}", batch * BATCH + number));
            let (scene, spec) = (Arc::clone(scene), spec.build()?);
            creates.spawn(async move {
                let id = scene.made_elsewhere(&spec).await?;
                scene.until(&id, &[JobState::Finished]).await?;
                Ok::<_, Failure>(id)
            });
        }
        for id in creates.join_all().await {
            made.insert(id?);
        }
    }
    Ok(made)
}

async fn ours_by(scene: &Scene, client: &Client) -> Result<BTreeSet<PipelineId>, Failure> {
    let ours = scene.ours_by(client).await?;
    let ids: BTreeSet<_> = ours.iter().map(|pipeline| pipeline.id.clone()).collect();
    assert_eq!(ids.len(), ours.len(), "none is listed twice");
    Ok(ids)
}

/// Checks that a submission finds its pipeline on any page.
async fn found_again(
    scene: &Scene,
    small: &SmallPages,
    oldest: &PipelineSpec,
    id: &PipelineId,
) -> Result<(), Failure> {
    let validated = async |spec: PipelineSpec| {
        let submission = Submission::builder(small.clone(), spec).options(options());
        let connected = submission.build().connect().await?;
        Ok::<_, Failure>(connected.validate().await?)
    };
    let resolution = validated(oldest.clone()).await?.resolve().await?;
    assert!(
        matches!(resolution, Resolution::Resumed(_)) && resolution.id() == id,
        "{resolution:?}"
    );
    let _ = resolution.register().stop().await?;

    let middle = scene.finite(&format!("many{}", MANY / 2)).build()?;
    match error_of(validated(middle.clone()).await?.resolve().await)? {
        Error::Resolve {
            source: ResolveError::Finished { finished },
        } => assert_eq!(finished.name, middle.name()),
        other => return Err(unexpected(&other)),
    }
    Ok(())
}
