//! Watching many pipelines through one reader of the list of all jobs.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{
    future::{Future as _, poll_fn},
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use http::StatusCode;
use latency::many::{AllJobs, Counted, Wait, running, watch};
use stepwell::{
    Error, JobState, Options, Submission, Transport as _,
    error::WaitError,
    observe::{Event, Observer},
    state::Running,
};
use stepwell_control_plane::{
    Generation, Scheduler,
    testing::{Server, Workers},
};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// What all observers were told.
type Told = Arc<Mutex<Vec<(Instant, Event)>>>;

fn telling() -> (Told, impl Observer + Clone) {
    let told = Told::default();
    let telling = Arc::clone(&told);
    let observer = move |event: &Event| {
        telling
            .lock()
            .unwrap()
            .push((Instant::now(), event.clone()));
    };
    (told, observer)
}

fn count(told: &Told, fits: impl Fn(&Event) -> bool) -> usize {
    let told = told.lock().unwrap();
    told.iter().filter(|(_, event)| fits(event)).count()
}

/// So many Running pipelines over one transport.
async fn many(
    generation: Generation,
    count: usize,
    options: &Options,
) -> (Counted, Vec<Submission<Running>>) {
    let counted = Counted::new(generation);
    let transport = counted.clone().into_shared();
    let transports = std::iter::repeat_n(transport, count);
    let running = running(&counted.server, transports, options).await;
    (counted, running)
}

/// The same, and each is watched.
async fn watched(generation: Generation, count: usize, options: &Options) -> (Counted, Vec<Wait>) {
    let (counted, running) = many(generation, count, options).await;
    let waits = running.into_iter().map(Wait::begin).collect();
    sleep(SECOND * 5).await;
    counted.begin();
    (counted, waits)
}

fn all_go_on(waits: &[Wait]) {
    assert!(waits.iter().all(|wait| !wait.end.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_cost_two_requests_a_second_and_a_failure_is_seen_within_a_second() {
    let cost = watch(200, true).await;
    assert!(cost.per_second <= 2.0, "{cost:?}");
    assert!(*cost.seen.last().unwrap() <= SECOND, "{cost:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_cost_no_more_and_a_failure_is_seen_within_a_second() {
    let cost = watch(1_000, true).await;
    assert!(cost.per_second <= 2.0, "{cost:?}");
    assert!(*cost.seen.last().unwrap() <= SECOND, "{cost:?}");
}

#[tokio::test(start_paused = true)]
async fn one_or_two_are_watched_one_by_one() {
    for number in [1_usize, 2] {
        let (counted, waits) = watched(Generation::V0_16, number, &Options::default()).await;
        sleep(SECOND * 60).await;
        assert_eq!(counted.lists(), []);
        let looks = counted.others().len();
        assert!((120 * number..150 * number).contains(&looks), "{looks}");
        for wait in waits {
            assert!(wait.fail(&counted.server).await <= SECOND * 6 / 10);
        }
    }
}

/// Up to 0.15 a row does not say whose job it is.
#[tokio::test(start_paused = true)]
async fn rows_without_a_pipeline_are_known_by_their_job() {
    let old = Generation::V0_15(Scheduler::Process);
    let (counted, mut waits) = watched(old, 50, &Options::default()).await;
    sleep(SECOND * 60).await;
    assert!(counted.requests() <= 120, "{}", counted.requests());
    assert_eq!(counted.others(), []);
    let wait = waits.swap_remove(20);
    counted.server.finish(&wait.id);
    let ended = wait.end.await.unwrap().0.unwrap();
    assert_eq!((ended.id, ended.job.state), (wait.id, JobState::Finished));
    all_go_on(&waits);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_the_list_is_watched_one_by_one_and_asked_again_after_minutes() {
    for status in [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED] {
        let (told, observer) = telling();
        let options = Options::default().with_observer(observer);
        let (counted, running) = many(Generation::V0_16, 20, &options).await;
        counted.answer(usize::MAX, AllJobs::Refused(status, None));
        counted.begin();
        let mut waits: Vec<_> = running.into_iter().map(Wait::begin).collect();
        sleep(SECOND * 240).await;
        assert_eq!(counted.lists().len(), 1);
        let looks = counted.others().len() / 240;
        assert!((40..50).contains(&looks), "{looks} a second");
        let seen = waits.swap_remove(7).fail(&counted.server).await;
        assert!(seen <= SECOND * 6 / 10, "{seen:?}");
        all_go_on(&waits);
        assert_eq!(
            count(&told, |event| matches!(event, Event::Retrying { .. })),
            0
        );

        counted.answer(0, AllJobs::Whole);
        sleep(SECOND * 70).await;
        assert!(counted.lists().len() > 5);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_or_short_list_makes_nothing_gone() {
    let (counted, mut waits) = watched(Generation::V0_16, 200, &Options::default()).await;
    for rows in [0, 60, 150, 199] {
        let before = counted.others().len();
        counted.answer(1, AllJobs::First(rows));
        sleep(SECOND * 20).await;
        all_go_on(&waits);
        let looks = counted.others().len() - before;
        // A list of less than half is not believed once, and what another one lacks is looked at.
        let allowed = if rows < 100 { 0 } else { 200 - rows };
        assert_eq!(looks, allowed, "{rows}");
    }
    // As often as it is so.
    for rows in [0, 60] {
        counted.answer(usize::MAX, AllJobs::First(rows));
        sleep(SECOND * 20).await;
        all_go_on(&waits);
        let seen = waits.swap_remove(0).fail(&counted.server).await;
        assert!(seen <= SECOND * 3 / 2, "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_list_may_be_empty() {
    let (counted, running) = many(Generation::V0_16, 20, &Options::default()).await;
    counted.answer(1, AllJobs::First(0));
    counted.begin();
    let waits: Vec<_> = running.into_iter().map(Wait::begin).collect();
    sleep(SECOND * 20).await;
    all_go_on(&waits);
    assert!(counted.others().len() <= 2 * waits.len());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_in_the_middle_of_its_read_holds_up_no_other() {
    let (counted, mut waits) = watched(Generation::V0_16, 20, &Options::default()).await;
    counted.takes(SECOND * 3 / 10);
    while waits.len() > 3 {
        let lists = counted.lists().len();
        while counted.lists().len() == lists {
            sleep(Duration::from_millis(1)).await;
        }
        // One of them has begun the read.
        let dropped = waits.split_off(waits.len() - (waits.len() - 3).min(6));
        for wait in dropped {
            wait.end.abort();
        }
    }
    let server = counted.server.clone();
    let seen = waits.swap_remove(0).fail(&server).await;
    assert!(seen <= SECOND * 5 / 2, "{seen:?}");
    all_go_on(&waits);
}

/// As in a `select!` loop in one task, whose other branch is ready before any list has been read.
#[tokio::test(start_paused = true)]
async fn waits_that_are_all_dropped_before_a_list_is_read_see_the_end_all_the_same() {
    let options = Options::default().with_silence_timeout(SECOND * 10);
    let (counted, running) = many(Generation::V0_16, 20, &options).await;
    counted.takes(SECOND / 2);
    let first_of = |running: Vec<Submission<Running>>| async move {
        loop {
            let mut ends: Vec<_> = running
                .iter()
                .map(|running| Box::pin(running.ended()))
                .collect();
            let first = poll_fn(|waker| {
                let mut ended = ends.iter_mut().map(|end| end.as_mut().poll(waker));
                ended.find(Poll::is_ready).unwrap_or(Poll::Pending)
            });
            if let Ok(ended) = timeout(SECOND * 3 / 10, first).await {
                return (ended, Instant::now());
            }
            drop(ends);
            // The other branch; nothing is awaited meanwhile.
            sleep(SECOND / 100).await;
        }
    };
    let wait = Wait {
        id: running[13].id().clone(),
        end: tokio::spawn(first_of(running)),
    };
    sleep(SECOND * 60).await;
    assert!(!wait.end.is_finished());
    let seen = wait.fail(&counted.server).await;
    assert!(seen <= SECOND * 2, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_refused_for_now_is_left_alone_for_as_long_as_the_server_asks() {
    let (told, observer) = telling();
    let options = Options::default().with_observer(observer);
    let (counted, mut waits) = watched(Generation::V0_16, 200, &options).await;
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    counted.answer(1, AllJobs::Refused(busy, Some(5)));
    counted.begin();
    told.lock().unwrap().clear();
    sleep(SECOND * 20).await;
    let asked: Vec<_> = counted.lists();
    assert_eq!(counted.others(), []);
    let pause = asked[1].saturating_sub(asked[0]);
    assert!(pause >= SECOND * 5 && pause < SECOND * 6, "{pause:?}");
    // Each that waited for the list is told of one failure and of its end, as if it had looked by itself.
    let failures = count(&told, |event| matches!(event, Event::Retrying { .. }));
    let firsts = |event: &Event| matches!(event, Event::Retrying { attempt: 1, .. });
    let ends = |event: &Event| matches!(event, Event::Answered { failures: 1, .. });
    assert!((100..=200).contains(&failures), "{failures}");
    assert_eq!(count(&told, firsts), failures);
    assert_eq!(count(&told, ends), failures);
    let seen = waits.swap_remove(9).fail(&counted.server).await;
    assert!(seen <= SECOND, "{seen:?}");
    all_go_on(&waits);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_while_the_jobs_can_be_read_is_given_up() {
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::FORBIDDEN] {
        let (counted, mut waits) = watched(Generation::V0_16, 20, &Options::default()).await;
        counted.answer(usize::MAX, AllJobs::Refused(status, None));
        sleep(SECOND * 300).await;
        all_go_on(&waits);
        assert!(counted.lists().len() <= 30, "{}", counted.lists().len());
        for _ in 0..5 {
            sleep(SECOND * 7).await;
            let seen = waits.swap_remove(3).fail(&counted.server).await;
            assert!(seen <= SECOND * 3 / 2, "{status}: {seen:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_delays_an_observation_by_seconds() {
    let (counted, mut waits) = watched(Generation::V0_16, 20, &Options::default()).await;
    counted.answer(usize::MAX, AllJobs::Hung);
    // Until it has been given up, all look at their own pace.
    sleep(SECOND * 25).await;
    assert!(
        counted.others().len() >= 20 * 25,
        "{}",
        counted.others().len()
    );
    for _ in 0..15 {
        sleep(SECOND * 13).await;
        let seen = waits.swap_remove(3).fail(&counted.server).await;
        assert!(seen <= SECOND * 4, "{seen:?}");
    }
    all_go_on(&waits);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_asked_by_one_and_missed_by_all() {
    let (told, observer) = telling();
    let options = Options::default()
        .with_silence_timeout(SECOND * 20)
        .with_observer(observer);
    let (counted, waits) = watched(Generation::V0_16, 200, &options).await;
    counted.server.refuse_connections(true);
    counted.begin();
    sleep(SECOND * 15).await;
    all_go_on(&waits);
    assert!(counted.requests() <= 200, "{}", counted.requests());
    let each = count(&told, |event| matches!(event, Event::Retrying { .. })) / 200;
    // Alone, each would have failed 40 times: who pauses after a failure misses some reads of the others.
    assert!((15..45).contains(&each), "{each}");

    // It comes back, and is asked by one again.
    counted.server.refuse_connections(false);
    counted.begin();
    sleep(SECOND * 60).await;
    assert_eq!(
        count(&told, |event| matches!(event, Event::Answered { .. })),
        200
    );
    all_go_on(&waits);
    assert!(counted.requests() <= 130, "{}", counted.requests());

    counted.server.refuse_connections(true);
    let began = Instant::now();
    for wait in waits {
        let (ended, at) = wait.end.await.unwrap();
        let is_silence = matches!(
            ended,
            Err(Error::Wait {
                source: WaitError::Silence { .. }
            })
        );
        let elapsed = at - began;
        // A read may have been under way already.
        assert!(is_silence && elapsed >= SECOND * 19, "{elapsed:?}");
        assert!(elapsed <= SECOND * 22, "{elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_was_told_to_stop_is_looked_at_by_itself() {
    let workers = Workers::new().hang_in_final_checkpoint();
    let server = Server::builder().workers(workers).build();
    let counted = Counted::of(server);
    let transports = std::iter::repeat_n(counted.clone().into_shared(), 10);
    let options = Options::default().with_stop_timeout(SECOND);
    let mut running = running(&counted.server, transports, &options).await;
    let stopping = running.swap_remove(4).stop().await.unwrap_err();
    let stopping = Wait::begin(stopping.into_submission());
    let waits: Vec<_> = running.into_iter().map(Wait::begin).collect();
    sleep(SECOND * 5).await;
    counted.begin();
    sleep(SECOND * 20).await;
    let looks = counted.others();
    assert!((40..50).contains(&looks.len()), "{}", looks.len());
    assert!(
        looks
            .iter()
            .all(|(_, path)| path.contains(stopping.id.as_str()))
    );
    assert!(counted.lists().len() > 30);
    all_go_on(&waits);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_others_is_read_once_a_minute_to_see_whether_it_pays() {
    let counted = Counted::new(Generation::V0_16);
    let all = std::iter::repeat_n(counted.clone().into_shared(), 100);
    let mut running = running(&counted.server, all, &Options::default()).await;
    let waits: Vec<_> = running.drain(..4).map(Wait::begin).collect();
    counted.begin();
    sleep(SECOND * 300).await;
    assert!(
        (4..=6).contains(&counted.lists().len()),
        "{:?}",
        counted.lists()
    );
    assert!(counted.others().len() > 4 * 2 * 300);
    // A fifth makes it one in twenty.
    let fifth = Wait::begin(running.swap_remove(0));
    sleep(SECOND * 10).await;
    counted.begin();
    sleep(SECOND * 60).await;
    assert!(counted.lists().len() > 90, "{:?}", counted.lists());
    assert_eq!(counted.others(), []);
    all_go_on(&waits);
    drop(fifth);
}

#[tokio::test(start_paused = true)]
async fn the_ceiling_of_the_polls_is_that_of_the_reads() {
    for (ceiling, reads) in [(SECOND / 10, 400..620), (SECOND * 10, 5..9)] {
        let options = Options::default().with_poll_ceiling(ceiling);
        let (counted, waits) = watched(Generation::V0_16, 50, &options).await;
        sleep(SECOND * 30).await;
        counted.begin();
        sleep(SECOND * 60).await;
        assert!(
            reads.contains(&counted.lists().len()),
            "{ceiling:?}: {}",
            counted.lists().len()
        );
        assert_eq!(counted.others(), []);
        all_go_on(&waits);
    }
}

#[tokio::test(start_paused = true)]
async fn all_of_them_may_end_at_once() {
    let (counted, waits) = watched(Generation::V0_16, 200, &Options::default()).await;
    for wait in &waits {
        counted.server.finish(&wait.id);
    }
    for wait in waits {
        let ended = wait.end.await.unwrap().0.unwrap();
        assert_eq!(ended.job.state, JobState::Finished);
    }
    assert!(counted.requests() <= 10, "{}", counted.requests());
}
