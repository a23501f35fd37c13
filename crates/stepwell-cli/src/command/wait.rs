//! `stepwell wait`.

use std::time::Duration;

use stepwell::{
    JobState, Submission,
    arroyo::{Job, JobId},
    state::Registered,
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    arguments::{Awaited, WaitArguments},
    carry_out,
    exit::Exit,
    failure::{self, Failure, JobFailedSnafu, LateSnafu, NeverSnafu},
    find,
    output::Output,
};

/// The tick of Arroyo's controller.
const PAUSE: Duration = Duration::from_millis(500);

/// How long an end must last to count: right after a start, the old state is still shown for a tick.
const TWO_TICKS: Duration = Duration::from_secs(1);

pub(crate) async fn wait(arguments: WaitArguments, output: &Output) -> Result<Exit, Failure> {
    let began = Instant::now();
    let place = arguments.place.open().await?;
    place.show(output);
    let options = carry_out::options(output);
    let pipeline = find::attach(&place.transport(), &arguments.target.pipeline, &options).await?;
    let awaited = arguments.awaited;
    let mut end = End::default();
    let mut last: Option<Job> = None;
    loop {
        let left = arguments.timeout.saturating_sub(began.elapsed());
        let Ok(read) = timeout(left, pipeline.read_job()).await else {
            return late(&pipeline, &arguments, last.as_ref());
        };
        let job = read?;
        if let Some(job) = &job {
            if last.as_ref().is_none_or(|last| last.state != job.state) {
                output.note(&format!("pipeline {} is {}", pipeline.id(), job.state));
            }
            // What was left Running does not run.
            let may_run = place.at_rest().is_none() || awaited != Awaited::Running;
            if may_run && is_reached(awaited, job) {
                output.reached(pipeline.id().as_str(), pipeline.name(), job.state.as_str());
                return Ok(Exit::Success);
            }
            if is_end(awaited, job) && (end.lasts(job) || place.at_rest().is_some()) {
                return Err(ended(&pipeline, awaited, job).await);
            }
        }
        last = job;
        place.live()?;
        sleep(PAUSE.min(left)).await;
    }
}

fn is_reached(awaited: Awaited, job: &Job) -> bool {
    match awaited {
        Awaited::Running => job.state == JobState::Running,
        // Stopped with the wish to run is about to start.
        Awaited::Stopped => {
            job.state == JobState::Stopped && !job.running_desired
                || job.state == JobState::Finished
        }
        Awaited::Finished => job.state == JobState::Finished,
    }
}

/// Whether the job does not leave this state for the awaited one. A stopped one may be started.
fn is_end(awaited: Awaited, job: &Job) -> bool {
    match job.state {
        JobState::Failed => true,
        JobState::Finished => awaited == Awaited::Running,
        _ => false,
    }
}

/// The end that was seen, and since when.
#[derive(Default)]
struct End(Option<(JobId, u64, Instant)>);

impl End {
    fn lasts(&mut self, job: &Job) -> bool {
        let same = self
            .0
            .take()
            .filter(|(id, run, _)| (id, *run) == (&job.id, job.run_id));
        let (_, _, since) = self
            .0
            .insert(same.unwrap_or_else(|| (job.id.clone(), job.run_id, Instant::now())));
        since.elapsed() >= TWO_TICKS
    }
}

async fn ended(pipeline: &Submission<Registered>, awaited: Awaited, job: &Job) -> Failure {
    let id = pipeline.id().to_string();
    if job.state != JobState::Failed {
        let (state, awaited) = (job.state.clone(), awaited.state());
        return NeverSnafu { id, state, awaited }.build();
    }
    let errors = pipeline.job_errors().await.unwrap_or_default();
    let reason = failure::reason(Some(job), errors.first());
    JobFailedSnafu { id, reason }.build()
}

fn late(
    pipeline: &Submission<Registered>,
    arguments: &WaitArguments,
    last: Option<&Job>,
) -> Result<Exit, Failure> {
    LateSnafu {
        id: pipeline.id().clone(),
        awaited: arguments.awaited.state(),
        timeout: arguments.timeout,
        state: last.map(|job| job.state.clone()),
    }
    .fail()
}

impl Awaited {
    fn state(self) -> JobState {
        match self {
            Self::Running => JobState::Running,
            Self::Stopped => JobState::Stopped,
            Self::Finished => JobState::Finished,
        }
    }
}
