//! Decides from the list. Sends nothing.

use std::{collections::BTreeSet, sync::Arc};

use stepwell_arroyo::{Job, JobState, JsonError, Pipeline, PipelineId, PipelineRow};

use crate::{
    resolve::{
        near_match::is_near_match, pipeline_summary::PipelineSummary, resolve_error::ResolveError,
    },
    spec::{Identity, Intent, PipelineSpec, WhenFinished},
};

/// How a listed pipeline relates to one spec: all that is kept of it.
#[derive(Debug)]
pub(crate) enum Relation {
    Match(Box<Pipeline>),
    Other {
        name: String,
        /// Whether it was or is being created under the same shutdown.
        is_ours: bool,
        likeness: Likeness,
    },
    /// A preview, which ends with its reader; or one of the others, if those are not requested.
    None,
}

/// How similar the query of another pipeline is to that of the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    None,
    /// Equal except for line ends and outer white space.
    Near,
    /// Equal, under another id than the given one.
    Same,
}

/// The pipelines of a server in relation to one spec.
#[derive(Debug)]
pub(crate) struct Listing {
    pipelines: Vec<(PipelineId, Relation)>,
}

/// What a list holds besides the matches.
#[derive(Debug)]
pub(crate) struct Others {
    listed: Arc<BTreeSet<PipelineId>>,
    /// Matches that were deleted after they were listed: their ids are free.
    gone: BTreeSet<PipelineId>,
    not_ours: Vec<PipelineSummary>,
    /// The pipeline with the most similar query; of several, the first.
    near: Option<(Likeness, PipelineSummary)>,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Decision {
    Resume {
        pipeline: Box<Pipeline>,
        job: Option<Box<Job>>,
    },
    Create {
        id: Option<PipelineId>,
        listed: Arc<BTreeSet<PipelineId>>,
        forced_past: Vec<PipelineSummary>,
    },
    /// Create under this id; the list was not read.
    CreateById(PipelineId),
}

/// The id that decides alone, if the spec has one.
pub(crate) fn given(spec: &PipelineSpec) -> Option<&PipelineId> {
    match (spec.intent(), spec.identity()) {
        (Intent::Resume(id), _) | (_, Identity::Given(id)) => Some(id),
        _ => None,
    }
}

/// Whether the decision can depend on the other pipelines.
fn others_count(spec: &PipelineSpec) -> bool {
    !spec.force() || only_resumes(spec)
}

pub(crate) fn only_resumes(spec: &PipelineSpec) -> bool {
    matches!(spec.intent(), Intent::ResumeOnly | Intent::Resume(_))
}

impl Relation {
    /// `is_ours` tells which were or are being created under the same shutdown; they do not count as "others". `names_others` requests the
    /// others even if they do not matter for the decision.
    pub(crate) fn of(
        row: &PipelineRow<'_>,
        spec: &PipelineSpec,
        names_others: bool,
        is_ours: impl Fn(&PipelineRow<'_>) -> bool,
    ) -> Result<Self, JsonError> {
        if row.preview {
            return Ok(Self::None);
        }
        let is_same = row.query == spec.query();
        let is_match = given(spec).map_or(is_same, |id| row.id == *id);
        if is_match {
            return Ok(Self::Match(Box::new(row.to_pipeline()?)));
        }
        if !names_others && !others_count(spec) {
            return Ok(Self::None);
        }
        Ok(Self::Other {
            name: row.name.clone().into_owned(),
            is_ours: is_ours(row),
            likeness: if is_same {
                Likeness::Same
            } else if is_near_match(&row.query.to_text(), spec.query()) {
                Likeness::Near
            } else {
                Likeness::None
            },
        })
    }
}

impl Listing {
    /// The pipelines must be newest first.
    pub(crate) fn new(pipelines: impl IntoIterator<Item = (PipelineId, Relation)>) -> Self {
        Self {
            pipelines: pipelines.into_iter().collect(),
        }
    }

    /// Sorts the list into matches and others.
    pub(crate) fn matches(
        self,
        spec: &PipelineSpec,
    ) -> Result<(Vec<Pipeline>, Others), ResolveError> {
        let listed = self.pipelines.iter().map(|(id, _)| id.clone()).collect();
        let mut rest = Others::new(listed);
        let mut matches = Vec::new();
        for (id, bearing) in self.pipelines {
            match bearing {
                Relation::Match(pipeline) if pipeline.query != spec.query() => {
                    return Err(ResolveError::Conflict {
                        id,
                        name: pipeline.name,
                    });
                }
                Relation::Match(pipeline) => matches.push(*pipeline),
                Relation::Other {
                    name,
                    is_ours,
                    likeness,
                } => rest.add(PipelineSummary { id, name }, is_ours, likeness),
                Relation::None => {}
            }
        }
        Ok((matches, rest))
    }
}

impl Others {
    fn new(listed: BTreeSet<PipelineId>) -> Self {
        Self {
            listed: Arc::new(listed),
            gone: BTreeSet::new(),
            not_ours: Vec::new(),
            near: None,
        }
    }

    /// Adds a pipeline that is not a match; call in order, newest first.
    fn add(&mut self, other: PipelineSummary, is_ours: bool, likeness: Likeness) {
        let is_nearer = match &self.near {
            None => likeness != Likeness::None,
            Some((Likeness::Near, _)) => likeness == Likeness::Same,
            Some(_) => false,
        };
        if is_nearer {
            self.near = Some((likeness, other.clone()));
        }
        if !is_ours {
            self.not_ours.push(other);
        }
    }

    /// Records that a match was deleted after it was listed.
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
            not_ours: others,
            near,
        } = self;
        let near = near.map(|(_, near)| near);
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
        let only_resumes = only_resumes(spec);
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
            // A finished run shows that this is the right server; others beside it need no `force`.
            _ => {}
        }
        Ok(Decision::Create {
            id: free_id(spec, |id| listed.contains(id) && !gone.contains(id))?,
            listed,
            forced_past: others,
        })
    }
}

/// The id for a new pipeline. A new run of a finished pipeline gets the next id of a fixed sequence, so that two orchestrators that start
/// one at the same time choose the same.
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
        // Terminates: finitely many ids are taken.
        Identity::FromSpec { .. } => Ok(ids_of_runs(spec).find(|id| !is_taken(id))),
    }
}

/// The ids of the runs of a spec, in order and without end; none if the spec does not determine them.
pub(crate) fn ids_of_runs(spec: &PipelineSpec) -> impl Iterator<Item = PipelineId> {
    let namespace = match spec.identity() {
        Identity::FromSpec { namespace } => Some(namespace),
        _ => None,
    };
    namespace
        .into_iter()
        .flat_map(|namespace| (0..).map(|run| id_of_run(namespace, spec, run)))
}

/// The id of the pipeline for a run of a spec, counting from 0.
fn id_of_run(namespace: &str, spec: &PipelineSpec, run: u64) -> PipelineId {
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
