//! What a timeline is about, and the correct outcome of each step.

use crate::recording::Release;

/// The state when the request left.
#[derive(Clone, Copy)]
pub enum Before {
    /// There was no pipeline.
    Nothing,
    /// The state at the end of this timeline of the same server.
    EndOf(&'static str),
    /// The state in the first line of the timeline, but meant to run.
    ToRun,
    /// The state in the first line of the timeline, but meant to stop.
    ToStop,
}

/// The request at time 0.
#[derive(Clone, Copy)]
pub enum Asked {
    Create,
    /// `PATCH` with `stop: none`
    Start,
    /// `PATCH` with this stop
    StopWith(&'static str),
    /// `POST …/restart`, which stepwell sends to a job that has failed
    Restart,
    /// `PATCH` with this parallelism
    Parallelism(u32),
    /// A request that stepwell never sends, or no request at all, such as the kill of a process.
    Elsewhere,
}

/// How the timeline is played.
#[derive(Clone, Copy)]
pub enum Drive {
    /// All steps with our own request, and `ended` once the job is Running.
    Run(Then),
    /// `attach` after another client's request, `wait_until_running`, and `ended` once the job is Running.
    Attach(Then),
    /// Like `Run` or `Attach`, with `stable_for` set to this many seconds of the recording.
    Stable(f64, Then),
    /// `attach`, and the recorded `stop`; from Running if the job was.
    Stop(Stopping),
    /// `ended`, called while the job was Running, before another client's request.
    Watch(Then),
}

/// The correct outcome of `wait_until_running` and `ended`.
#[derive(Clone, Copy)]
pub enum Then {
    /// Running in this run, without an end in the recorded time.
    Runs(u64),
    /// Running in the first of these runs, if given, and this end in the second.
    Ends(Option<u64>, &'static str, u64),
    /// Running in this run without tasks.
    NoTasks(u64),
    /// A timeout; this is the last state.
    Deadline(&'static str),
}

/// The correct outcome of `stop`.
#[derive(Clone, Copy)]
pub enum Stopping {
    /// Stopped in this run; the flag says whether the checkpoints include a final one.
    Stopped(u64, Option<bool>),
    /// Stopped before the request, so nothing is sent.
    StoppedBefore(u64, Option<bool>),
    EndedOtherwise(&'static str),
    /// A timeout; this is the last state.
    NotInTime(&'static str),
    /// Started again by another client.
    Resumed,
}

pub struct Case {
    /// The release that was recorded.
    pub release: Release,
    pub name: &'static str,
    pub before: Before,
    pub asked: Asked,
    /// Whether the server is down until the first line.
    pub is_down: bool,
    pub drives: Vec<Drive>,
    /// The correct outcome of a `Run` on a server ten times slower, if it differs.
    pub slow: Option<Then>,
}
