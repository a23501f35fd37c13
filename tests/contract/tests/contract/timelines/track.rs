//! [`Track`]: a timeline, and the state before it.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use serde_json::{Value, json};
use stepwell::{JobState, StopMode, arroyo::Job};

use super::table::{Before, Case};
use crate::recording::{RecordedTimeline, Release};

/// What was seen at one moment.
#[derive(Clone)]
pub struct Observation {
    pub at: Duration,
    /// The recorded answer of `GET …/jobs`.
    pub body: String,
    pub job: Job,
    /// The stop mode that was requested.
    pub told: StopMode,
}

/// What a report of a job says: its run, its state, and whether it is meant to run.
pub type Shown = (u64, JobState, bool);

pub struct Track {
    pub before: Option<Observation>,
    pub observations: Vec<Observation>,
}

/// Every timeline, by server and name.
pub static TIMELINES: LazyLock<BTreeMap<(Release, String), Vec<Observation>>> =
    LazyLock::new(|| {
        let of = |release: Release| {
            let timelines = release.timelines().into_iter();
            timelines
                .map(move |timeline| ((release, timeline.name.clone()), observations(&timeline)))
        };
        Release::ALL.into_iter().flat_map(of).collect()
    });

fn observations(timeline: &RecordedTimeline) -> Vec<Observation> {
    timeline
        .jobs
        .iter()
        .zip(&timeline.timeline)
        .map(|(body, line)| {
            let (_, told) = line.line.split_once(" | pipeline stop=").unwrap();
            let answer: Value = serde_json::from_str(&body.body).unwrap();
            let [job] = serde_json::from_value::<[Job; 1]>(answer["data"].clone()).unwrap();
            Observation {
                at: Duration::from_secs_f64(body.t),
                body: body.body.clone(),
                job,
                told: StopMode::from(told.split(' ').next().unwrap()),
            }
        })
        .collect()
}

impl Track {
    pub fn of(case: &Case) -> Self {
        let of = |name: &str| &TIMELINES[&(case.release, name.to_owned())];
        let observations = of(case.name).clone();
        let first = &observations[0];
        let before = match case.before {
            Before::Nothing => None,
            Before::EndOf(name) => of(name).last().cloned(),
            Before::ToRun => Some(first.told(StopMode::None)),
            Before::ToStop => Some(first.told(StopMode::Checkpoint)),
        };
        Self {
            before,
            observations,
        }
    }

    pub fn end(&self) -> Duration {
        self.observations.last().unwrap().at
    }

    pub fn last_state(&self) -> &JobState {
        &self.observations.last().unwrap().job.state
    }

    /// What is shown this long after the request; `None` means what was shown before.
    pub fn at(&self, elapsed: Duration, speed: Speed) -> Option<&Observation> {
        let shown = |seen: &&Observation| speed.of(seen.at) <= elapsed;
        self.observations.iter().take_while(shown).last()
    }

    /// Each period in which the same is shown, with its begin and, unless it is the last one, its end.
    pub fn stretches(&self, speed: Speed) -> Vec<(Shown, Duration, Option<Duration>)> {
        let mut stretches: Vec<(Shown, Duration, Option<Duration>)> = Vec::new();
        for seen in &self.observations {
            let (shown, at) = (shown(&seen.job), speed.of(seen.at));
            match stretches.last_mut() {
                Some((last, ..)) if *last == shown => continue,
                Some((_, _, end)) => *end = Some(at),
                None => {}
            }
            stretches.push((shown, at, None));
        }
        stretches
    }
}

impl Observation {
    fn told(&self, told: StopMode) -> Self {
        let mut job = self.job.clone();
        job.running_desired = told == StopMode::None;
        Self {
            body: json!({ "data": [job] }).to_string(),
            job,
            told,
            ..self.clone()
        }
    }
}

pub fn shown(job: &Job) -> Shown {
    (job.run_id, job.state.clone(), job.running_desired)
}

/// The server's speed relative to the recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    AsRecorded,
    TenTimesFaster,
    TenTimesSlower,
}

impl Speed {
    pub const ALL: [Self; 3] = [Self::AsRecorded, Self::TenTimesFaster, Self::TenTimesSlower];

    pub fn of(self, time: Duration) -> Duration {
        match self {
            Self::AsRecorded => time,
            Self::TenTimesFaster => time / 10,
            Self::TenTimesSlower => time * 10,
        }
    }
}
