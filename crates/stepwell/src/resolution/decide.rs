//! What there is to do, from what the server holds: resume one, create one, or refuse.

use std::collections::BTreeSet;

use stepwell_arroyo::{Job, JobState, Pipeline, PipelineId};

use crate::{
    resolution::{
        error::{PipelineSummary, ResolveError},
        near_match::is_near_match,
    },
    spec::{Identity, Intent, PipelineSpec, WhenFinished},
};

/// The pipelines of a server as they bear on one spec.
#[derive(Debug)]
pub(crate) struct Listing {
    pipelines: Vec<Pipeline>,
}

/// What a list holds besides the matches.
#[derive(Debug)]
pub(crate) struct Rest {
    listed: BTreeSet<PipelineId>,
    /// Matches that were deleted after they were listed: their ids are free.
    gone: BTreeSet<PipelineId>,
    others: Vec<PipelineSummary>,
    near: Option<PipelineSummary>,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Decision {
    Resume {
        pipeline: Box<Pipeline>,
        job: Option<Box<Job>>,
    },
    Create {
        id: Option<PipelineId>,
        listed: BTreeSet<PipelineId>,
        forced_past: Vec<PipelineSummary>,
    },
    /// Create under this id; the list was not read.
    CreateById(PipelineId),
}

impl Listing {
    pub(crate) fn new(pipelines: Vec<Pipeline>) -> Self {
        Self { pipelines }
    }

    /// Sorts the list into matches and others. `is_ours` tells which were or are being made under the same shutdown: they are not "others".
    pub(crate) fn matches(
        self,
        spec: &PipelineSpec,
        is_ours: impl Fn(&Pipeline) -> bool,
    ) -> Result<(Vec<Pipeline>, Rest), ResolveError> {
        let listed = self
            .pipelines
            .iter()
            .map(|pipeline| pipeline.id.clone())
            .collect();
        // Previews end with whoever looks at them.
        let pipelines = self
            .pipelines
            .into_iter()
            .filter(|pipeline| !pipeline.preview);
        let given = match (spec.intent(), spec.identity()) {
            (Intent::Resume(id), _) | (_, Identity::Given(id)) => Some(id),
            _ => None,
        };
        let (matches, others): (Vec<_>, Vec<_>) = pipelines.partition(|pipeline| match given {
            // An id decides alone.
            Some(id) => pipeline.id == *id,
            None => pipeline.query == spec.query(),
        });
        if let Some(pipeline) = matches
            .iter()
            .find(|pipeline| pipeline.query != spec.query())
        {
            return Err(ResolveError::Conflict {
                id: pipeline.id.clone(),
                name: pipeline.name.clone(),
            });
        }
        let near = others
            .iter()
            .find(|pipeline| pipeline.query == spec.query())
            .or_else(|| {
                others
                    .iter()
                    .find(|pipeline| is_near_match(&pipeline.query, spec.query()))
            })
            .map(PipelineSummary::new);
        let others = others
            .iter()
            .filter(|pipeline| !is_ours(pipeline))
            .map(PipelineSummary::new)
            .collect();
        Ok((
            matches,
            Rest {
                listed,
                gone: BTreeSet::new(),
                others,
                near,
            },
        ))
    }
}

impl Rest {
    /// A match was deleted since it was listed.
    pub(crate) fn note_gone(&mut self, id: PipelineId) {
        self.gone.insert(id);
    }

    /// Decides, given each match with its job.
    pub(crate) fn decide(
        self,
        spec: &PipelineSpec,
        matches: Vec<(Pipeline, Option<Box<Job>>)>,
    ) -> Result<Decision, ResolveError> {
        let Self {
            listed,
            gone,
            others,
            near,
        } = self;
        let (mut finished, mut alive): (Vec<_>, Vec<_>) =
            matches.into_iter().partition(|(_, job)| {
                job.as_ref()
                    .is_some_and(|job| job.state == JobState::Finished)
            });
        if *spec.intent() == Intent::CreateOnly
            && let Some((pipeline, _)) = alive.first().or(match spec.when_finished() {
                WhenFinished::Refuse => finished.first(),
                WhenFinished::NewRun => None,
            })
        {
            return Err(ResolveError::AlreadyExists {
                existing: PipelineSummary::new(pipeline),
            });
        }
        if alive.len() > 1 {
            let matches = alive
                .iter()
                .map(|(pipeline, _)| PipelineSummary::new(pipeline))
                .collect();
            return Err(ResolveError::Ambiguous { matches });
        }
        if let Some((pipeline, job)) = alive.pop() {
            return Ok(Decision::Resume {
                pipeline: Box::new(pipeline),
                job,
            });
        }
        let only_resumes = matches!(spec.intent(), Intent::ResumeOnly | Intent::Resume(_));
        match finished.pop() {
            Some((pipeline, _)) if only_resumes || spec.when_finished() == WhenFinished::Refuse => {
                return Err(ResolveError::Finished {
                    finished: PipelineSummary::new(&pipeline),
                });
            }
            None if only_resumes => {
                return Err(ResolveError::NothingToResume { near });
            }
            None if !others.is_empty() && !spec.force() => {
                return Err(ResolveError::OtherPipelines { others, near });
            }
            // A finished one shows that this is the right server; others beside it need no word.
            _ => {}
        }
        Ok(Decision::Create {
            id: free_id(spec, |id| listed.contains(id) && !gone.contains(id))?,
            listed,
            forced_past: others,
        })
    }
}

/// The id for a new pipeline. A new run of a finished pipeline needs a new one: the next in a fixed row, so that two orchestrators that
/// start one at the same time still choose the same.
fn free_id(
    spec: &PipelineSpec,
    is_taken: impl Fn(&PipelineId) -> bool,
) -> Result<Option<PipelineId>, ResolveError> {
    match spec.identity() {
        Identity::ServerAssigned => Ok(None),
        Identity::Given(id) if is_taken(id) => Err(ResolveError::Conflict {
            id: id.clone(),
            name: spec.name().to_owned(),
        }),
        Identity::Given(id) => Ok(Some(id.clone())),
        Identity::FromSpec { namespace } => {
            let mut run = 0_u64;
            loop {
                let id = id_of_run(namespace, spec, run);
                if !is_taken(&id) {
                    return Ok(Some(id));
                }
                // Ends: finitely many are taken.
                run += 1;
            }
        }
    }
}

/// The id of the pipeline for a run of a spec, the first being 0.
pub(super) fn id_of_run(namespace: &str, spec: &PipelineSpec, run: u64) -> PipelineId {
    if run == 0 {
        PipelineId::for_spec(namespace, spec.name(), spec.query())
    } else {
        PipelineId::for_spec(
            &format!("{namespace}\u{0}run {run}"),
            spec.name(),
            spec.query(),
        )
    }
}
