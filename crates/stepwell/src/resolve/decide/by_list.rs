//! Decides from the list. Sends nothing.

use std::{collections::BTreeSet, sync::Arc};

use stepwell_arroyo::{Job, JobState, JsonError, Pipeline, PipelineId, PipelineRow};

use crate::{
    resolve::{
        attempt::is_given_by_servers, near_match::is_near_match, pipeline_summary::PipelineSummary,
        resolve_error::ResolveError,
    },
    spec::{FindBy, Identity, Intent, PipelineSpec, WhenFinished},
};

/// How a listed pipeline relates to one spec: all that is kept of it.
#[derive(Debug)]
pub(crate) enum Relation {
    Match(Box<Pipeline>),
    Other {
        name: String,
        /// Whether it is one of those that `force` overrides: not if it was or is being created under the same shutdown.
        counts: bool,
        likeness: Likeness,
        /// Whether it is the pipeline of the spec if the server turns out to choose the ids.
        stands_in: bool,
    },
    /// A preview, which ends with its reader; or one of the others that matters neither for the decision nor to the caller.
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
    /// All of the list, sorted.
    listed: Arc<[PipelineId]>,
    /// Matches that were deleted after they were listed: their ids are free.
    gone: BTreeSet<PipelineId>,
    not_ours: Vec<PipelineSummary>,
    /// The pipeline with the most similar query; of several, the first.
    near: Option<(Likeness, PipelineSummary)>,
    has_stand_in: bool,
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
        listed: Arc<[PipelineId]>,
        /// Whether one of the others is the pipeline of the spec if the server turns out to choose the ids.
        has_stand_in: bool,
        forced_past: Vec<PipelineSummary>,
        /// The one with the most similar query.
        near: Option<PipelineSummary>,
    },
    /// Create under this id; the list was not read.
    CreateById(PipelineId),
}

/// The id that the spec gives, if it does. [`Intent::Resume`] decides by it alone, [`Identity::Given`] where the server accepts ids.
pub(crate) fn given(spec: &PipelineSpec) -> Option<&PipelineId> {
    match (spec.intent(), spec.identity()) {
        (Intent::Resume(id), _) | (_, Identity::Given(id)) => Some(id),
        _ => None,
    }
}

/// How many runs of a spec are told from pipelines of another namespace.
const RUNS_TOLD: usize = 1_000;

/// Whether the row is the pipeline of the spec. `has_put`: whether the server may accept ids.
fn is_match(row: &PipelineRow<'_>, spec: &PipelineSpec, has_put: bool) -> bool {
    if let Some(id) = given(spec)
        && (row.id == *id || has_put || matches!(spec.intent(), Intent::Resume(_)))
    {
        return row.id == *id;
    }
    row.query == spec.query()
        && match spec.identity() {
            Identity::Given(_) => is_stand_in(row, spec),
            Identity::FromSpec { .. } if spec.find_by() == FindBy::Id => {
                is_stand_in(row, spec) || is_a_run(row, spec)
            }
            _ => true,
        }
}

/// Whether the row stands for the id of the spec where the server chooses ids. The name has to be the same as well as the query, because
/// two specs with one query and different ids are two pipelines.
fn is_stand_in(row: &PipelineRow<'_>, spec: &PipelineSpec) -> bool {
    row.query == spec.query() && row.name == spec.name() && is_given_by_servers(&row.id)
}

/// Whether the row has the id of a run of the spec. Other ids with its name and query are of another namespace.
fn is_a_run(row: &PipelineRow<'_>, spec: &PipelineSpec) -> bool {
    row.name == spec.name() && ids_of_runs(spec).take(RUNS_TOLD).any(|id| id == row.id)
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
    /// others even if they do not matter for the decision. `has_put` tells whether the server may accept ids.
    pub(crate) fn of(
        row: &PipelineRow<'_>,
        spec: &PipelineSpec,
        names_others: bool,
        has_put: bool,
        is_ours: impl Fn(&PipelineRow<'_>) -> bool,
    ) -> Result<Self, JsonError> {
        if row.preview {
            return Ok(Self::None);
        }
        if is_match(row, spec, has_put) {
            return Ok(Self::Match(Box::new(row.to_pipeline()?)));
        }
        let is_same = row.query == spec.query();
        let stands_in = has_put && matches!(spec.identity(), Identity::Given(_));
        let stands_in = stands_in && is_stand_in(row, spec);
        let likeness = if is_same {
            Likeness::Same
        } else if is_near_match(&row.query.to_text(), spec.query()) {
            Likeness::Near
        } else {
            Likeness::None
        };
        let counts = names_others || others_count(spec);
        if !counts && likeness == Likeness::None {
            return Ok(Self::None);
        }
        Ok(Self::Other {
            name: row.name.clone().into_owned(),
            counts: counts && !is_ours(row),
            stands_in,
            likeness,
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
        let mut listed: Vec<_> = self.pipelines.iter().map(|(id, _)| id.clone()).collect();
        listed.sort_unstable();
        let mut rest = Others::new(listed.into());
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
                    counts,
                    likeness,
                    stands_in,
                } => {
                    rest.has_stand_in |= stands_in;
                    rest.add(PipelineSummary { id, name }, counts, likeness);
                }
                Relation::None => {}
            }
        }
        if let Some(id) = given(spec)
            && matches.iter().any(|pipeline| pipeline.id == *id)
        {
            matches.retain(|pipeline| pipeline.id == *id);
        }
        Ok((matches, rest))
    }
}

impl Others {
    fn new(listed: Arc<[PipelineId]>) -> Self {
        Self {
            listed,
            gone: BTreeSet::new(),
            not_ours: Vec::new(),
            near: None,
            has_stand_in: false,
        }
    }

    /// Adds a pipeline that is not a match; call in order, newest first.
    fn add(&mut self, other: PipelineSummary, counts: bool, likeness: Likeness) {
        let is_nearer = match &self.near {
            None => likeness != Likeness::None,
            Some((Likeness::Near, _)) => likeness == Likeness::Same,
            Some(_) => false,
        };
        if is_nearer {
            self.near = Some((likeness, other.clone()));
        }
        if counts {
            self.not_ours.push(other);
        }
    }

    /// Whether one of them is the pipeline of the spec if the server turns out to choose the ids.
    pub(crate) fn has_stand_in(&self) -> bool {
        self.has_stand_in
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
            has_stand_in,
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
            return Err(ResolveError::ambiguous(
                alive.iter().map(|(pipeline, _)| pipeline),
            ));
        }
        if let Some((pipeline, job)) = alive.pop() {
            return Ok(Decision::Resume {
                pipeline: Box::new(pipeline),
                job,
            });
        }
        let only_resumes = only_resumes(spec);
        match finished.pop() {
            // A given id is not free for a new run.
            Some((pipeline, _))
                if only_resumes
                    || spec.when_finished() == WhenFinished::Refuse
                    || given(spec) == Some(&pipeline.id) =>
            {
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
            id: free_id(spec, |id| {
                listed.binary_search(id).is_ok() && !gone.contains(id)
            })?,
            listed,
            has_stand_in,
            forced_past: others,
            near,
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
