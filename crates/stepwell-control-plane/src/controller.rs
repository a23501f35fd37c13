//! The controller's tick for one job: which state follows which.

use stepwell_arroyo::{
    Checkpoint, CheckpointType, ErrorDomain, FailureReason, JobState, PipelineId, StopMode,
};

use crate::{
    Command, Generation, Options,
    record::{Beginning, InFlight, JobRecord, Record, Restart},
};

/// Advances a job by at most one state and adds the commands for its workers.
pub(crate) fn look(record: &mut Record, now: u64, options: &Options, commands: &mut Vec<Command>) {
    let stop = record.pipeline.stop.clone();
    let parallelism = record.parallelism;
    let interval = record.pipeline.checkpoint_interval_micros;
    let generation = options.generation;
    let Record {
        pipeline,
        job: Some(job),
        ..
    } = record
    else {
        return;
    };
    let mut look = Look {
        job,
        id: &pipeline.id,
        query: &pipeline.query,
        udfs: &pipeline.udfs,
        parallelism,
        now,
        options,
        commands,
    };
    if !look.job.has_worker && look.without_worker(&stop) {
        return;
    }
    // Sorted by state, so that it reads as a table.
    #[allow(clippy::match_same_arms)]
    match (look.job.state().clone(), &stop) {
        // A job that is stopped before it began has nothing to stop.
        (JobState::Created, StopMode::None) => look.start(),
        (JobState::Created, _) => look.stopped(),

        (JobState::Scheduling, StopMode::None) => {}
        // There is nothing to checkpoint yet.
        (JobState::Scheduling | JobState::Restarting | JobState::Rescaling, StopMode::Force) => {
            look.force_stop();
        }
        (
            JobState::Scheduling | JobState::Restarting | JobState::Rescaling,
            StopMode::Immediate | StopMode::Checkpoint | StopMode::Graceful | StopMode::Other(_),
        ) => {
            look.stopping(&StopMode::Immediate);
        }

        (JobState::Running, StopMode::None) => look.running(interval),
        (JobState::Running, StopMode::Force) => look.force_stop(),
        (JobState::Running, StopMode::Checkpoint) => look.checkpoint_stopping(),
        (JobState::Running, mode) => look.stopping(mode),

        // The stop is completed even if it was cancelled meanwhile; then the job starts again.
        (JobState::CheckpointStopping, StopMode::Graceful) if generation.is_0_15() => {}
        (JobState::CheckpointStopping, StopMode::Immediate | StopMode::Graceful) => {
            look.stopping(&StopMode::Immediate);
        }
        // While the workers hang, the server ignores further stops.
        (JobState::Stopping, _) if generation.hangs() => look.hanging(),
        (JobState::CheckpointStopping | JobState::Stopping, StopMode::Force) => look.force_stop(),

        (JobState::Stopped, StopMode::None) => {
            look.job.restart = None;
            look.job.recoveries = 0;
            look.start();
        }
        (JobState::Recovering, _) if generation.hangs() => look.tearing_down(),
        (JobState::Recovering, StopMode::None) if generation.is_0_15() => look.start_anew(),
        // The new run gets its number in the next tick, so for a moment the state is new and the number old.
        (JobState::Recovering, StopMode::None) if now >= look.job.pause_until => {
            look.job.shown.state = JobState::Scheduling;
        }
        (JobState::Recovering, StopMode::None) => {}
        (JobState::Recovering, _) => look.stopped(),

        (JobState::Failing, _) if now >= look.job.pause_until => {
            look.job.shown.state = JobState::Failed;
        }
        (JobState::Failed, StopMode::None) if look.job.restart.take().is_some() => {
            look.job.recoveries = 0;
            look.job.shown.failure_reason = None;
            look.start();
        }
        _ => {}
    }
}

struct Look<'a> {
    job: &'a mut JobRecord,
    id: &'a PipelineId,
    query: &'a str,
    udfs: &'a [stepwell_arroyo::Udf],
    parallelism: u32,
    now: u64,
    options: &'a Options,
    commands: &'a mut Vec<Command>,
}

impl Look<'_> {
    /// Handles a run without workers: it has just ended for a restart, the server itself was restarted, or no slot was free. The run starts
    /// again or is stopped. Returns `false` if the state needs no workers.
    fn without_worker(&mut self, stop: &StopMode) -> bool {
        match (self.job.state(), stop) {
            (JobState::Scheduling, StopMode::None)
                if self
                    .options
                    .slots
                    .is_some_and(|slots| self.parallelism > slots) => {}
            (
                JobState::Scheduling
                | JobState::Running
                | JobState::Restarting
                | JobState::Rescaling,
                StopMode::None,
            ) => {
                self.drop_in_flight();
                self.start_anew();
            }
            (
                JobState::Scheduling
                | JobState::Running
                | JobState::Restarting
                | JobState::Rescaling
                | JobState::CheckpointStopping
                | JobState::Stopping,
                _,
            ) => {
                self.drop_in_flight();
                self.stopped();
            }
            _ => return false,
        }
        true
    }

    fn start_anew(&mut self) {
        self.job.keep_start_time = true;
        self.start();
    }

    /// Starts a run.
    fn start(&mut self) {
        let job = &mut *self.job;
        job.shown.state = JobState::Scheduling;
        job.shown.run_id += 1;
        job.in_flight = None;
        job.running_parallelism = self.parallelism;
        // The run waits for a free slot until it is stopped.
        if self
            .options
            .slots
            .is_some_and(|slots| self.parallelism > slots)
        {
            return;
        }
        job.has_worker = true;
        let from_nothing = std::mem::take(&mut job.beginning) == Beginning::Nothing;
        if self.options.generation.is_0_15() {
            job.number_checkpoints_anew(from_nothing);
        } else if from_nothing {
            job.ignored_epoch = job.next_epoch.saturating_sub(1);
        }
        self.commands.push(Command::Start {
            pipeline: self.id.clone(),
            job: job.shown.id.clone(),
            run_id: job.shown.run_id,
            parallelism: self.parallelism,
            query: self.query.to_owned(),
            udfs: self.udfs.to_vec(),
            restore: job.newest_epoch(),
        });
    }

    fn running(&mut self, interval: u64) {
        // One checkpoint at a time.
        if self.job.in_flight.is_some() {
            return;
        }
        if let Some(restart) = self.job.restart.take() {
            self.begin_again(JobState::Restarting, restart);
        } else if self.parallelism != self.job.running_parallelism {
            self.begin_again(JobState::Rescaling, Restart::Safe);
        } else if self.now >= self.job.last_checkpoint.saturating_add(interval) {
            self.checkpoint(false);
        }
    }

    fn begin_again(&mut self, state: JobState, restart: Restart) {
        self.job.keep_start_time = true;
        self.job.shown.state = state;
        match restart {
            Restart::Safe => self.checkpoint(true),
            Restart::Force => self.stop_run(StopMode::Immediate),
        }
    }

    fn checkpoint_stopping(&mut self) {
        // Wait for a periodic checkpoint in progress, so that epochs stay in order.
        if self.job.in_flight.is_none() {
            self.job.shown.state = JobState::CheckpointStopping;
            self.checkpoint(true);
        }
    }

    fn checkpoint(&mut self, stopping: bool) {
        let job = &mut *self.job;
        let epoch = job.next_epoch;
        job.next_epoch += 1;
        job.last_checkpoint = self.now;
        job.in_flight = Some(InFlight { epoch, stopping });
        let kind = if stopping {
            CheckpointType::Stopping
        } else {
            CheckpointType::Scheduled
        };
        job.checkpoints
            .push(Checkpoint::new(epoch, "parquet", kind, self.now));
        self.commands.push(Command::Checkpoint {
            job: job.shown.id.clone(),
            run_id: job.shown.run_id,
            epoch,
            stopping,
        });
    }

    fn stopping(&mut self, mode: &StopMode) {
        let pause = self.options.generation.sticks_in_stopping(self.job.state());
        self.job.pause_until = self.now + pause;
        // Keep a final checkpoint that hangs: it decides how the stop ends.
        if pause == 0 || !self.job.is_in_final_checkpoint() {
            self.drop_in_flight();
        }
        self.job.shown.state = JobState::Stopping;
        self.stop_run(mode.clone());
    }

    /// Handles Stopping while the workers keep running.
    fn hanging(&mut self) {
        if self.now < self.job.pause_until {
            return;
        }
        if self.job.is_in_final_checkpoint() {
            self.drop_in_flight();
            over(self.job, "failed while stopping job", self.now);
        } else {
            self.stopped();
        }
    }

    /// Handles Recovering while the workers keep running.
    fn tearing_down(&mut self) {
        if self.now >= self.job.pause_until {
            over(self.job, "failed to tear down existing cluster", self.now);
        }
    }

    fn force_stop(&mut self) {
        self.stop_run(StopMode::Force);
        self.drop_in_flight();
        self.stopped();
    }

    fn stop_run(&mut self, mode: StopMode) {
        self.commands.push(Command::Stop {
            job: self.job.shown.id.clone(),
            run_id: self.job.shown.run_id,
            mode,
        });
    }

    fn stopped(&mut self) {
        stopped(self.job, self.now);
    }

    fn drop_in_flight(&mut self) {
        drop_in_flight(self.job, self.options.generation);
    }
}

pub(crate) fn stopped(job: &mut JobRecord, now: u64) {
    job.shown.state = JobState::Stopped;
    job.shown.finish_time = Some(now);
    job.keep_start_time = false;
    job.has_worker = false;
}

/// Marks the job as Failed without passing through Failing.
pub(crate) fn over(job: &mut JobRecord, error: &str, now: u64) {
    job.shown.failure_reason = Some(FailureReason::new(error, ErrorDomain::Internal));
    job.shown.finish_time = Some(now);
    job.shown.state = JobState::Failed;
    job.keep_start_time = false;
    job.has_worker = false;
}

/// Drops a checkpoint that can no longer complete. 0.15 shows it until the next run (recording `112_stop_immediate_checkpoints`).
pub(crate) fn drop_in_flight(job: &mut JobRecord, generation: Generation) {
    let in_flight = job.in_flight.take();
    if let Some(InFlight { epoch, .. }) = in_flight.filter(|_| !generation.is_0_15()) {
        job.checkpoints
            .retain(|checkpoint| checkpoint.epoch != epoch);
    }
}

#[cfg(test)]
mod tests;
