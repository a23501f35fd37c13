//! Deciding by an id, without the list: see [`FindBy`].

use std::num::NonZeroU32;

use stepwell_arroyo::{Job, JobState, Page, Pipeline, PipelineId};

use super::by_list::{Decision, given, ids_of_runs, only_resumes};
use crate::{
    error::Error,
    observe::Step,
    resolve::{
        Action, PipelineSummary, ResolveError,
        attempt::is_given_by_servers,
        job::{JobOf, job_of},
        near_match::is_near_match,
    },
    session::{
        Deadline, ServerMemory, Session,
        retry::{GONE_AFTER, Request, is_gone},
    },
    spec::{FindBy, Intent, PipelineSpec, WhenFinished},
};

/// The number of runs of a spec that are read.
const RUNS: usize = 16;

/// How many of the newest pipelines are read, in growing steps, until one is found that is not ours.
const NEWEST: [NonZeroU32; 3] = [
    NonZeroU32::new(10).unwrap(),
    NonZeroU32::new(100).unwrap(),
    NonZeroU32::new(1_000).unwrap(),
];

/// Reads the ids that a pipeline of the spec can have and decides; `None` if the list has to decide.
pub(crate) async fn decide(
    session: &Session,
    spec: &PipelineSpec,
    deadline: &Deadline,
) -> Result<Option<Decision>, Error> {
    let memory = session.requester.memory();
    let looking = Looking {
        session,
        spec,
        deadline,
        memory: &memory,
    };
    looking.decide().await
}

struct Looking<'a> {
    session: &'a Session,
    spec: &'a PipelineSpec,
    deadline: &'a Deadline,
    memory: &'a ServerMemory,
}

/// What the server holds under one id.
enum Seen {
    Nothing,
    /// A preview, which ends with its reader.
    Preview,
    Finished(Box<Pipeline>),
    Alive(Box<Pipeline>, Option<Box<Job>>),
}

/// What the server holds under the ids read so far. A live pipeline is not kept here, because it decides at once.
#[derive(Default)]
struct Row {
    /// The first free id.
    free: Option<PipelineId>,
    finished: Option<Box<Pipeline>>,
    /// Whether the last id read is taken, so that later ids may be taken too.
    goes_on: bool,
}

impl Looking<'_> {
    async fn decide(&self) -> Result<Option<Decision>, Error> {
        let spec = self.spec;
        let mut ids = self.ids().peekable();
        if ids.peek().is_none() {
            return Ok(None);
        }
        let creates_only = *spec.intent() == Intent::CreateOnly;
        let mut row = Row::default();
        for id in ids {
            let seen = self.see(&id).await?;
            row.goes_on = !matches!(seen, Seen::Nothing);
            match seen {
                Seen::Preview => return Ok(None),
                Seen::Alive(pipeline, _) if creates_only => return Err(exists(&pipeline)),
                Seen::Alive(pipeline, job) => {
                    return Ok(Some(Decision::Resume { pipeline, job }));
                }
                Seen::Finished(pipeline) => row.finished = Some(pipeline),
                Seen::Nothing => {
                    row.free.get_or_insert(id);
                    // A run may have been restarted and outlived the ones before it.
                    if spec.when_finished() == WhenFinished::Refuse {
                        break;
                    }
                }
            }
        }
        self.decide_of(row).await
    }

    /// The ids to read, in the order of the runs; none if the ids cannot decide. Lazy, because each id is a hash of the query and usually
    /// the first one decides.
    fn ids(&self) -> impl Iterator<Item = PipelineId> {
        let spec = self.spec;
        let decides = spec.find_by() == FindBy::Id;
        let given = given(spec).filter(|_| decides).cloned();
        let runs = if decides && given.is_none() && self.memory.has_put() {
            RUNS
        } else {
            0
        };
        given.into_iter().chain(ids_of_runs(spec).take(runs))
    }

    async fn see(&self, id: &PipelineId) -> Result<Seen, Error> {
        let (session, spec, deadline) = (self.session, self.spec, self.deadline);
        // A pipeline without a job was deleted meanwhile, or one of the two answers came from a lagging node.
        let disagreement = deadline.within(GONE_AFTER);
        let mut pace = session.requester.poll_pace();
        loop {
            let read = session.requester.call(
                Request::Find,
                Step::Resolve,
                deadline,
                |client| async move {
                    match client.pipeline(id).await {
                        // That too is an answer.
                        Err(error) if is_gone(&error) => Ok(None),
                        read => read.map(Some),
                    }
                },
            );
            let pipeline = match read.await {
                Ok(Some(pipeline)) => Box::new(pipeline),
                Ok(None) => return Ok(Seen::Nothing),
                Err(error) => {
                    let name = spec.name();
                    return Err(
                        ResolveError::unanswered(Action::Find, name, deadline, error).into(),
                    );
                }
            };
            if pipeline.preview {
                return Ok(Seen::Preview);
            }
            if pipeline.query != spec.query() {
                return Err(ResolveError::Conflict {
                    id: pipeline.id,
                    name: pipeline.name,
                }
                .into());
            }
            match job_of(session, &pipeline, deadline).await? {
                JobOf::Job(Some(job)) if job.state == JobState::Finished => {
                    return Ok(Seen::Finished(pipeline));
                }
                JobOf::Job(job) => return Ok(Seen::Alive(pipeline, job)),
                JobOf::Gone if disagreement.is_over() => return Ok(Seen::Nothing),
                JobOf::Gone => {
                    let pause = pace.pause(&session.requester.jitter);
                    disagreement.sleep(pause).await;
                }
            }
        }
    }

    /// Decides if none of the ids is live.
    async fn decide_of(&self, row: Row) -> Result<Option<Decision>, Error> {
        let spec = self.spec;
        let only_resumes = only_resumes(spec);
        let refuses = spec.when_finished() == WhenFinished::Refuse;
        match &row.finished {
            Some(pipeline) if *spec.intent() == Intent::CreateOnly && refuses => {
                return Err(exists(pipeline));
            }
            Some(pipeline) if only_resumes || refuses => {
                return Err(ResolveError::Finished {
                    finished: PipelineSummary::new(pipeline),
                }
                .into());
            }
            None if only_resumes => return self.nothing_to_resume().await,
            _ => {}
        }
        // A `POST` needs the list, and so does a longer sequence of runs.
        let Some(free) = row.free.filter(|_| !row.goes_on && self.memory.has_put()) else {
            return Ok(None);
        };
        // A finished run shows that this is the right server.
        if row.finished.is_none() && !spec.force() {
            match self.others(&free).await? {
                NewestOthers::None => {}
                NewestOthers::Unclear => return Ok(None),
                NewestOthers::Some(error) => return Err(error.into()),
            }
        }
        Ok(Some(Decision::CreateById(free)))
    }

    async fn nothing_to_resume(&self) -> Result<Option<Decision>, Error> {
        if !self.decides_alone() {
            let [few, ..] = NEWEST;
            self.newest(few).await?;
        }
        if self.decides_alone() {
            return Err(ResolveError::NothingToResume { near: None }.into());
        }
        Ok(None)
    }

    /// Whether the absence of the id proves that there is no such pipeline: a server that assigns ids has it under another one.
    fn decides_alone(&self) -> bool {
        matches!(self.spec.intent(), Intent::Resume(_)) || self.memory.surely_has_put()
    }

    /// Looks among the newest pipelines for one that is not ours.
    async fn others(&self, id: &PipelineId) -> Result<NewestOthers, Error> {
        let ids: Vec<_> = self.ids().collect();
        let server = self.session.requester.server();
        let registry = self.session.ticket.registry();
        for rows in NEWEST {
            let page = self.newest(rows).await?;
            // Created just now, or the node that did not know it lags behind.
            if page.data.iter().any(|listed| ids.contains(&listed.id)) {
                return Ok(NewestOthers::Unclear);
            }
            let newest: Vec<_> = page
                .data
                .iter()
                .filter(|listed| !listed.preview && !registry.is_ours(server, *listed))
                .collect();
            if !newest.is_empty() && !self.decides_alone() {
                return Ok(NewestOthers::Unclear);
            }
            if !newest.is_empty() {
                let near = newest
                    .iter()
                    .find(|listed| is_near_match(&listed.query, self.spec.query()));
                return Ok(NewestOthers::Some(ResolveError::NoneWithId {
                    id: id.clone(),
                    near: near.map(|near| PipelineSummary::new(near)),
                    newest: newest.into_iter().map(PipelineSummary::new).collect(),
                }));
            }
            if !page.has_more {
                return Ok(NewestOthers::None);
            }
        }
        Ok(NewestOthers::Unclear)
    }

    /// Reads this many of the newest pipelines.
    async fn newest(&self, rows: NonZeroU32) -> Result<Page<Pipeline>, Error> {
        let (session, deadline) = (self.session, self.deadline);
        let read = session.requester.call(
            Request::Read,
            Step::Resolve,
            deadline,
            |client| async move { client.pipelines_page(rows, None).await },
        );
        let page = read.await.map_err(|error| {
            ResolveError::unanswered(Action::Find, self.spec.name(), deadline, error)
        })?;
        let is_put = |listed: &Pipeline| !is_given_by_servers(&listed.id);
        if page.data.iter().any(is_put) {
            self.memory.put_was_seen();
        }
        Ok(page)
    }
}

/// What the newest pipelines show.
enum NewestOthers {
    None,
    /// The list has to decide.
    Unclear,
    Some(ResolveError),
}

fn exists(pipeline: &Pipeline) -> Error {
    ResolveError::AlreadyExists {
        existing: PipelineSummary::new(pipeline),
    }
    .into()
}
