//! The record of a job that does not keep running.

use std::time::Duration;

use stepwell_arroyo::{Job, JobError, JobErrorLevel, JobId, JobState};
use tokio::time::Instant;

use super::trouble::Trouble;

/// How long a job must be Running again before its trouble is over, unless a run that ended in trouble lasted longer than half of this.
const CALM: Duration = Duration::from_secs(10);

/// A job that has been Running for this long has recovered, however long its earlier runs lasted.
const LONGEST_CALM: Duration = Duration::from_secs(60);

/// The shortest time between two reads of the log.
const READ_EVERY: Duration = Duration::from_secs(3);

/// Some servers log times in whole seconds.
const LOG_RESOLUTION: u64 = 1_000_000;

/// The runs of a job that are not trouble: see [`Record::observe`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The highest requested run; 0 if there is none.
    pub(crate) run_id: u64,
    /// What is seen in this run or a lower one was there before we acted, and is not news.
    pub(crate) old_run: Option<u64>,
    /// Any new run may have been requested; a job that recovers or fails is in trouble all the same.
    pub(crate) any_run: bool,
}

impl Expected {
    /// Which runs were requested is not known.
    pub(crate) fn any_run() -> Self {
        Self {
            any_run: true,
            ..Self::default()
        }
    }

    /// Nothing that is seen counts as trouble.
    pub(crate) fn nothing() -> Self {
        Self {
            run_id: 0,
            old_run: Some(u64::MAX),
            any_run: false,
        }
    }
}

/// Whether a job keeps running, as far as was observed. It lives as long as the submission.
#[derive(Debug, Default)]
pub(crate) struct Record {
    job: Option<JobId>,
    /// The highest run id seen, plus one while a recovery is under way.
    run_id: u64,
    /// Whether the next run is started by a request: the job had ended, or is being rescaled.
    start_is_asked: bool,
    restarts: u32,
    /// Whether the last restart is under way: its run has not begun.
    is_under_way: bool,
    first_trouble: Option<Instant>,
    /// When the job was first seen Running, and in which run.
    running: Option<(u64, Instant)>,
    /// The longest run that has ended since the first trouble.
    longest_run: Duration,
    /// The newest known error at the end of the last trouble; it belongs to that one.
    old_error: Option<String>,
    open: Option<Box<Open>>,
}

/// An ongoing trouble.
#[derive(Debug)]
struct Open {
    since: Instant,
    run_id: u64,
    /// Errors logged before this time do not belong to this trouble.
    started: Option<u64>,
    error: Option<JobError>,
    is_answered: bool,
    /// Whether the log must be read for something that has not been reported: a new restart, or the trouble itself.
    wants_reading: bool,
    read_at: Option<Instant>,
    /// The kind of the error last reported; `None` before the first report, empty if there was no error.
    told: Option<String>,
    /// How often the job had restarted at that report.
    told_restarts: u32,
}

/// What to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Began {
        job: JobId,
        run_id: u64,
        trouble: Trouble,
    },
    Recovered {
        job: JobId,
        restarts: u32,
        elapsed: Duration,
    },
}

impl Record {
    /// Records an observation, and returns what can be reported at once.
    pub(crate) fn observe(&mut self, job: &Job, expected: Expected) -> Option<News> {
        let now = Instant::now();
        if self.job.as_ref() != Some(&job.id) {
            // The first job that is seen, or a new job under the same id.
            *self = Self {
                job: Some(job.id.clone()),
                run_id: job.run_id.max(expected.run_id).max(1),
                ..Self::default()
            };
        }
        if expected.old_run.is_some_and(|old| job.run_id <= old) {
            return None;
        }
        self.run_id = self.run_id.max(expected.run_id);
        let restarts = matches!(job.state, JobState::Recovering | JobState::Restarting);
        let starts_again = restarts || job.state == JobState::Rescaling;
        let begun = job.run_id.saturating_add(starts_again.into());
        if expected.any_run {
            self.run_id = self.run_id.max(begun);
        }
        let new_runs = begun.saturating_sub(self.run_id);
        self.run_id = self.run_id.max(begun);
        let mut is_trouble = matches!(job.state, JobState::Recovering | JobState::Failing);
        if new_runs > 0 && !self.start_is_asked && job.state != JobState::Rescaling {
            let new_runs = u32::try_from(new_runs).unwrap_or(u32::MAX);
            self.restarts = self.restarts.saturating_add(new_runs);
            self.is_under_way = starts_again;
            is_trouble = true;
        }
        self.is_under_way &= job.run_id < self.run_id;
        if self.is_under_way && job.state.is_terminal() {
            // It ended before the new run began (`200_divide_by_zero_states` of 0.15.0).
            self.restarts = self.restarts.saturating_sub(1);
            self.is_under_way = false;
        }
        self.start_is_asked = job.state.is_terminal();
        self.note_running(job, now);
        if is_trouble {
            self.open(job, new_runs > 0, now);
        }
        self.recovered(job, now)
    }

    fn note_running(&mut self, job: &Job, now: Instant) {
        let is_running = job.state == JobState::Running;
        match self.running {
            Some((run_id, _)) if is_running && run_id == job.run_id => {}
            Some((_, since)) => {
                if self.first_trouble.is_some() {
                    self.longest_run = self.longest_run.max(now - since);
                }
                self.running = is_running.then_some((job.run_id, now));
            }
            None => self.running = is_running.then_some((job.run_id, now)),
        }
    }

    fn open(&mut self, job: &Job, is_restart: bool, now: Instant) {
        self.first_trouble.get_or_insert(now);
        let open = self.open.get_or_insert_with(|| {
            Box::new(Open {
                since: now,
                run_id: job.run_id,
                started: job.start_time,
                error: None,
                is_answered: false,
                wants_reading: true,
                read_at: None,
                told: None,
                told_restarts: 0,
            })
        });
        let begins_to_fail = job.state == JobState::Failing && open.run_id != job.run_id;
        open.wants_reading |= is_restart || begins_to_fail;
        open.run_id = job.run_id;
    }

    fn recovered(&mut self, job: &Job, now: Instant) -> Option<News> {
        let (_, since) = self.running?;
        let calm = (self.longest_run * 2).clamp(CALM, LONGEST_CALM);
        if self.open.is_none() || now - since < calm {
            return None;
        }
        let open = self.open.take()?;
        if let Some(error) = open.error {
            self.old_error = Some(error.id);
        }
        open.told.map(|_| News::Recovered {
            job: job.id.clone(),
            restarts: self.restarts,
            elapsed: now - open.since,
        })
    }

    /// The job whose log must be read now, if any.
    pub(crate) fn wants_reading(&mut self) -> Option<JobId> {
        let open = self.open.as_mut()?;
        let is_soon = |read_at: Instant| read_at.elapsed() < READ_EVERY;
        if !open.wants_reading || open.read_at.is_some_and(is_soon) {
            return None;
        }
        open.read_at = Some(Instant::now());
        self.job.clone()
    }

    /// Records the log, newest entry first; `None` if it could not be read.
    pub(crate) fn read(&mut self, log: Option<Vec<JobError>>) -> Option<News> {
        let job = self.job.clone()?;
        let open = self.open.as_mut()?;
        // A failed read is repeated, but no sooner than the interval allows.
        open.wants_reading = log.is_none();
        if let Some(log) = log {
            open.is_answered = true;
            let started = open.started.unwrap_or_default();
            let newest = log.into_iter().find(is_error).filter(|error| {
                error.created_at.saturating_add(LOG_RESOLUTION) >= started
                    && self.old_error.as_ref() != Some(&error.id)
            });
            if newest.is_some() {
                open.error = newest;
            } else if open.error.is_none() && open.told.is_none() {
                // The error may be logged a moment after the state shows.
                open.wants_reading = true;
            }
        }
        let kind = open.error.as_ref().map(kind).unwrap_or_default();
        // If no reason is given, the number of restarts is all there is to report.
        let is_worse = open.error.is_none()
            && self.restarts > open.told_restarts
            && self.restarts >= 2 * open.told_restarts;
        if open.told.as_ref() == Some(&kind) && !is_worse {
            return None;
        }
        open.told = Some(kind);
        open.told_restarts = self.restarts;
        let run_id = open.run_id;
        Some(News::Began {
            job,
            run_id,
            trouble: self.trouble()?,
        })
    }

    /// The ongoing trouble.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let open = self.open.as_ref()?;
        Some(Trouble {
            restarts: self.restarts,
            elapsed: self.first_trouble?.elapsed(),
            error: open.error.clone(),
            is_answered: open.is_answered,
        })
    }
}

fn is_error(error: &JobError) -> bool {
    !matches!(error.level, JobErrorLevel::Info | JobErrorLevel::Warn)
}

/// The kind of an error: its text without numbers, which are those of lines, rows and attempts.
fn kind(error: &JobError) -> String {
    let mut kind = String::new();
    for part in [&error.message, &error.details] {
        for character in part.chars() {
            if !character.is_ascii_digit() {
                kind.push(character);
            } else if !kind.ends_with('#') {
                kind.push('#');
            }
        }
        kind.push('\n');
    }
    kind
}

#[cfg(test)]
mod tests;
