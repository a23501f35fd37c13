//! Compares the outcome of a step with the table and with what was shown.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use stepwell::{
    JobState, Submission,
    observe::JobTransition,
    state::{Ended, Running},
};

use super::{
    play::{GAP, Play, Taken, Verdict, gap_of_wait},
    server::errors_of,
    table::{Asked, Case, Drive, Stopping, Then},
    track::{Shown, Speed},
};
use crate::recording::Release;

const WAIT: &str = "wait_until_running";
const ENDED: &str = "ended";
const STOP: &str = "stop";

/// Plays a timeline in one way, and returns the names of the steps.
pub async fn judge(case: &Case, drive: Drive, speed: Speed) -> Vec<&'static str> {
    match drive {
        Drive::Run(then) => {
            let slow = case.slow.filter(|_| speed == Speed::TenTimesSlower);
            let play = Play::new(case, speed, Duration::ZERO);
            let registered = play.submit().await;
            let then = slow.unwrap_or(then);
            let steps = Box::pin(judge_wait(&play, registered, then, false)).await;
            check_writes(&play, &own_requests(case));
            steps
        }
        Drive::Attach(then) => {
            let play = Play::new(case, speed, Duration::ZERO);
            play.server.ask();
            let registered = play.attach().await;
            let steps = Box::pin(judge_wait(&play, registered, then, false)).await;
            check_writes(&play, &[]);
            steps
        }
        Drive::Stable(seconds, then) => {
            let play = Play::new(case, speed, Duration::from_secs_f64(seconds));
            let registered = if matches!(case.asked, Asked::Elsewhere) {
                play.server.ask();
                play.attach().await
            } else {
                play.submit().await
            };
            Box::pin(judge_wait(&play, registered, then, true)).await
        }
        Drive::Stop(right) => judge_stop(&Play::new(case, speed, Duration::ZERO), right).await,
        Drive::Watch(then) => {
            let play = Play::new(case, speed, Duration::ZERO);
            let running = play.attach().await.wait_until_running().await.unwrap();
            play.server.ask();
            judge_ended(&play, &running, then).await;
            check_writes(&play, &[]);
            vec![ENDED]
        }
    }
}

async fn judge_wait(
    play: &Play<'_>,
    registered: Submission<stepwell::state::Registered>,
    then: Then,
    stable: bool,
) -> Vec<&'static str> {
    let name = play.case.name;
    let wait = async { registered.wait_until_running().await.map_err(Into::into) };
    let taken = play.take(Box::pin(wait)).await;
    check_reports(play, &taken, gap_of_wait);
    let verdict = Verdict::of_wait(&taken.result);
    let expected = match then {
        Then::Runs(run) if stable => Verdict::Running(run),
        Then::Runs(run) => first_running(play, run)
            .unwrap_or_else(|| Verdict::Deadline(Some(play.track.last_state().clone()))),
        Then::Ends(Some(running), state, run) => {
            first_running(play, running).unwrap_or(Verdict::Ended(state.into(), run))
        }
        Then::Ends(None, state, run) => Verdict::Ended(state.into(), run),
        Then::NoTasks(run) => Verdict::NoTasks(run),
        Then::Deadline(state) => Verdict::Deadline(Some(state.into())),
    };
    assert_eq!(verdict, expected, "{name}, {:?}", play.speed);
    let Ok(running) = taken.result else {
        return vec![WAIT];
    };
    check_stable(play, &running);
    judge_ended(play, &running, then).await;
    vec![WAIT, ENDED]
}

/// Running in the first run that was shown as such, starting from the run in the table, because an older run was there before the request.
/// It is the run in the table unless that was too short for a poll to see it.
fn first_running(play: &Play<'_>, right: u64) -> Option<Verdict> {
    let shown = play.server.shown().into_iter();
    let first = shown
        .map(|(_, shown)| shown)
        .find_map(|(run, state, _)| (state == JobState::Running && run >= right).then_some(run));
    if first != Some(right) {
        let stretches = play.track.stretches(play.speed).into_iter();
        let mut running =
            stretches.filter(|((run, state, _), ..)| *run == right && *state == JobState::Running);
        let short =
            |begin: Duration, end: Option<Duration>| end.is_some_and(|end| end <= begin + GAP);
        assert!(
            running.all(|(_, begin, end)| short(begin, end)),
            "{}, {:?}: Running in run {right} was not seen",
            play.case.name,
            play.speed
        );
    }
    first.map(Verdict::Running)
}

/// Checks that the job was shown as Running in that run, and as nothing else, for as long as required.
fn check_stable(play: &Play<'_>, running: &Submission<Running>) {
    let run = running.job().run_id;
    let shown = play.server.shown();
    let in_that_run = shown
        .iter()
        .rev()
        .take_while(|(_, (shown, state, _))| *shown == run && *state == JobState::Running);
    let times: Vec<_> = in_that_run.map(|(at, _)| *at).collect();
    let for_long = times[0] - times[times.len() - 1];
    assert!(
        for_long >= play.stable_for(),
        "{}, {:?}: for {for_long:?}",
        play.case.name,
        play.speed
    );
}

async fn judge_ended(play: &Play<'_>, running: &Submission<Running>, then: Then) {
    let name = play.case.name;
    let taken = play.watch(running).await;
    check_reports(play, &taken, |_| GAP);
    let expected = match then {
        Then::Ends(_, state, run) => Some((JobState::from(state), run)),
        _ => None,
    };
    let end = |ended: &Ended| (ended.job.state.clone(), ended.job.run_id);
    let ended = taken.result;
    assert_eq!(
        ended.as_ref().map(end),
        expected,
        "{name}, {:?}",
        play.speed
    );
    if let Some(ended) = ended.filter(|ended| ended.job.state == JobState::Failed) {
        assert!(ended.job.failure_reason.is_some(), "{name}");
        let logged = errors_of(play.case.release, ended.job.id.as_str()).json();
        assert_eq!(json!(ended.errors), logged["data"], "{name}");
        // 0.15.0 logs none of these failures.
        let is_logged = play.case.release == Release::V016;
        assert_eq!(!ended.errors.is_empty(), is_logged, "{name}");
    }
}

async fn judge_stop(play: &Play<'_>, right: Stopping) -> Vec<&'static str> {
    let taken = play.stop().await;
    check_reports(play, &taken, |_| GAP);
    let expected = match right {
        Stopping::Stopped(run, _) | Stopping::StoppedBefore(run, _) => Verdict::Stopped(run),
        Stopping::EndedOtherwise(state) => Verdict::EndedOtherwise(state.into()),
        Stopping::NotInTime(state) => Verdict::Deadline(Some(state.into())),
        Stopping::Resumed => Verdict::Resumed,
    };
    let (name, speed) = (play.case.name, play.speed);
    assert_eq!(
        Verdict::of_stop(&taken.result),
        expected,
        "{name}, {speed:?}"
    );
    let sends = !matches!(right, Stopping::StoppedBefore(..));
    let own = sends.then(|| own_requests(play.case));
    check_writes(play, &own.unwrap_or_default());
    vec![STOP]
}

/// Checks that every change that was shown is reported once, also across two steps of a submission, and that nothing that lasted longer
/// than a pause remained unseen.
fn check_reports<T>(play: &Play<'_>, taken: &Taken<T>, gap: impl Fn(Duration) -> Duration) {
    let (name, speed) = (play.case.name, play.speed);
    let shown = play.server.shown();
    let mut changes: Vec<Shown> = shown.iter().map(|(_, shown)| shown.clone()).collect();
    changes.dedup();
    let shown_by =
        |report: &JobTransition| (report.run_id, report.state.clone(), report.running_desired);
    if changes.first() == taken.before.as_ref().map(shown_by).as_ref() {
        changes.remove(0);
    }
    let reported: Vec<Shown> = taken.reports.iter().map(shown_by).collect();
    assert_eq!(reported, changes, "{name}, {speed:?}");

    let Some(asked) = play.server.has_been_asked() else {
        return;
    };
    for (stretch, begin, end) in play.track.stretches(speed) {
        let begin = (asked + begin).max(taken.began);
        let end = end.map_or(taken.ended, |end| asked + end).min(taken.ended);
        let met = shown
            .iter()
            .find(|(at, seen)| *seen == stretch && *at >= begin && *at <= end);
        let was_there = end.saturating_duration_since(begin);
        let gap = gap(begin - taken.began);
        match met {
            Some((at, _)) => assert!(
                *at - begin <= gap,
                "{name}, {speed:?}: {stretch:?} was seen late"
            ),
            None => assert!(
                was_there <= gap,
                "{name}, {speed:?}: {stretch:?} was there for {was_there:?} and not seen"
            ),
        }
    }
}

/// The requests that stepwell itself sends. A create also shows it whether the server accepts the id that it has chosen.
fn own_requests(case: &Case) -> Vec<(Method, Value)> {
    match case.asked {
        Asked::Create if case.release.has_put() => vec![(Method::PUT, Value::Null)],
        Asked::Create => vec![(Method::PUT, Value::Null), (Method::POST, Value::Null)],
        Asked::Start => vec![(Method::PATCH, json!({"stop": "none"}))],
        Asked::StopWith(mode) => vec![(Method::PATCH, json!({ "stop": mode }))],
        Asked::Restart => vec![(Method::POST, json!({}))],
        Asked::Parallelism(parallelism) => {
            vec![(Method::PATCH, json!({ "parallelism": parallelism }))]
        }
        Asked::Elsewhere => Vec::new(),
    }
}

fn check_writes(play: &Play<'_>, expected: &[(Method, Value)]) {
    let sent: Vec<_> = play
        .server
        .writes()
        .into_iter()
        .map(|(method, body)| match body.get("query") {
            // The body of a create is compared with the recorded ones elsewhere.
            Some(_) => (method, Value::Null),
            None => (method, body),
        })
        .collect();
    assert_eq!(sent, expected, "{}, {:?}", play.case.name, play.speed);
}
