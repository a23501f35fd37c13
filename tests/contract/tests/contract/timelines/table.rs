//! What can be said of a timeline: what it is about, and what is right for the steps.

use crate::recording::Release;

/// How it was when the request left.
#[derive(Clone, Copy)]
pub enum Before {
    /// There was no pipeline.
    Nothing,
    /// As at the end of this timeline of the same server.
    EndOf(&'static str),
    /// As in the first line of the timeline, but told to run.
    ToRun,
    /// As in the first line of the timeline, but told to stop.
    ToStop,
}

/// What was asked of the server at the time 0.
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
    /// What stepwell never asks, or what nobody asks: the kill of a process, say.
    Elsewhere,
}

/// How the timeline is gone through.
#[derive(Clone, Copy)]
pub enum Drive {
    /// All steps with our own request, and `ended` once it is Running.
    Run(Then),
    /// Somebody else has asked: `attach`, `wait_until_running`, and `ended` once it is Running.
    Attach(Then),
    /// As the one or the other, with `stable_for` so many seconds of the recording.
    Stable(f64, Then),
    /// `attach`, and `stop` as was asked; from Running if it was.
    Stop(Stopping),
    /// `ended`, begun while it was Running, and somebody else has asked.
    Watch(Then),
}

/// What is right for `wait_until_running` and for `ended`.
#[derive(Clone, Copy)]
pub enum Then {
    /// Running in this run, and no end of it in all the time that was recorded.
    Runs(u64),
    /// Running in the first of these runs, if any is given, and this end of the second.
    Ends(Option<u64>, &'static str, u64),
    /// Running in this run without tasks.
    NoTasks(u64),
    /// Not in time; this is the last state.
    Deadline(&'static str),
}

/// What is right for `stop`.
#[derive(Clone, Copy)]
pub enum Stopping {
    /// In this run, and whether its checkpoints tell of a final one.
    Stopped(u64, Option<bool>),
    /// It was before it was asked, so nothing is sent.
    StoppedBefore(u64, Option<bool>),
    EndedOtherwise(&'static str),
    /// Not in time; this is the last state.
    NotInTime(&'static str),
    /// By somebody else.
    Resumed,
}

pub struct Case {
    /// Whose timeline it is.
    pub release: Release,
    pub name: &'static str,
    pub before: Before,
    pub asked: Asked,
    /// Whether the server is down until the first line.
    pub is_down: bool,
    pub drives: Vec<Drive>,
    /// What is right instead of a `Run` on a server ten times slower.
    pub slow: Option<Then>,
}
