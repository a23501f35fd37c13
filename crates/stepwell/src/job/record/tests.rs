use super::*;

fn job(run_id: u64, state: &str) -> Job {
    serde_json::from_value(serde_json::json!({
        "id": "job_1", "running_desired": true, "state": state, "run_id": run_id, "start_time": 5_000_000, "created_at": 4_000_000,
    }))
    .unwrap()
}

fn error(id: &str, created_at: u64, details: &str) -> JobError {
    JobError::task_failed(id, created_at, details, stepwell_arroyo::ErrorDomain::User)
}

/// What is reported if the log has these entries whenever it is read, with a poll every second.
async fn told(seen: &[(u64, &str)], expected: Expected, log: &[JobError]) -> Vec<News> {
    let mut record = Record::default();
    let mut told = Vec::new();
    for (run_id, state) in seen {
        told.extend(record.observe(&job(*run_id, state), expected));
        if record.wants_reading().is_some() {
            told.extend(record.read(Some(log.to_vec())));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    told
}

fn restarts(news: &News) -> u32 {
    match news {
        News::Began { trouble, .. } => trouble.restarts,
        News::Recovered { restarts, .. } => *restarts,
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_and_what_somebody_asks_for_are_no_restarts() {
    for seen in [
        &[(0, "Created"), (1, "Scheduling"), (1, "Running")][..],
        &[
            (3, "Running"),
            (3, "Rescaling"),
            (4, "Scheduling"),
            (4, "Running"),
        ],
        &[
            (3, "Running"),
            (3, "Stopped"),
            (4, "Scheduling"),
            (5, "Failed"),
        ],
        &[(3, "Failed"), (4, "Running")],
        &[(3, "Running"), (3, "CheckpointStopping"), (3, "Stopped")],
    ] {
        let told = told(seen, Expected::default(), &[]).await;
        let is_none = told.is_empty() || seen.last() == Some(&(5, "Failed"));
        assert!(is_none, "{seen:?}: {told:?}");
    }
    let ours = Expected {
        run_id: 4,
        old_run: Some(3),
        any_run: false,
    };
    let seen = [
        (3, "Failed"),
        (3, "Restarting"),
        (4, "Scheduling"),
        (4, "Running"),
    ];
    assert_eq!(told(&seen, ours, &[]).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_restart_counts_once_whether_its_recovery_is_seen_or_not() {
    for seen in [
        &[
            (1, "Running"),
            (1, "Recovering"),
            (2, "Scheduling"),
            (2, "Running"),
        ][..],
        &[(1, "Running"), (2, "Running")],
        &[(1, "Running"), (1, "Restarting"), (2, "Running")],
        &[(7, "Recovering"), (8, "Running")],
    ] {
        let told = told(seen, Expected::default(), &[]).await;
        assert_eq!(
            told.iter().map(restarts).collect::<Vec<_>>(),
            [1],
            "{seen:?}"
        );
    }
    // Runs between two polls count as well.
    let told = told(&[(1, "Running"), (5, "Running")], Expected::default(), &[]).await;
    assert_eq!(restarts(&told[0]), 4);
}

#[tokio::test(start_paused = true)]
async fn only_an_error_of_this_trouble_is_its_reason() {
    let seen = [(2, "Recovering")];
    for (log, wanted) in [
        (
            vec![error("b", 5_000_000, "new"), error("a", 1, "old")],
            Some("new"),
        ),
        // Some servers log times in whole seconds.
        (vec![error("b", 4_100_000, "new")], Some("new")),
        (vec![error("a", 3_900_000, "of an earlier start")], None),
        (vec![], None),
    ] {
        let told = told(&seen, Expected::default(), &log).await;
        let [News::Began { trouble, .. }] = &told[..] else {
            panic!("{told:?}");
        };
        let reason = trouble.error.as_ref().map(|error| error.details.as_str());
        assert_eq!(reason, wanted);
        assert!(trouble.is_answered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_runs_last_a_while_has_recovered_only_when_one_lasts_longer() {
    let mut seen = vec![(1, "Running")];
    // Every run but the last ends after twelve seconds; the first of them counted as a recovery.
    for run_id in 2..=4 {
        seen.push((run_id - 1, "Recovering"));
        seen.extend([(run_id, "Running"); 12]);
    }
    let log = [error("a", 5_000_000, "reason")];
    let news = told(&seen, Expected::default(), &log).await;
    let recoveries = |news: &[News]| {
        let is_recovery = |news: &&News| matches!(news, News::Recovered { .. });
        news.iter().filter(is_recovery).count()
    };
    assert_eq!(recoveries(&news), 1, "{news:?}");
    seen.extend([(4, "Running"); 60]);
    let all = told(&seen, Expected::default(), &log).await;
    assert_eq!(restarts(all.last().unwrap()), 3);
    assert_eq!(recoveries(&all), 2, "{all:?}");
    assert!(
        matches!(all.last(), Some(News::Recovered { .. })),
        "{all:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_trouble_before_is_not_told_again() {
    let mut seen = vec![(1, "Recovering")];
    seen.extend([(2, "Running"); 15]);
    seen.push((2, "Recovering"));
    let log = [error("a", 5_000_000, "reason")];
    let news = told(&seen, Expected::default(), &log).await;
    let [.., News::Recovered { .. }, News::Began { trouble, .. }] = &news[..] else {
        panic!("{news:?}");
    };
    assert_eq!((trouble.restarts, &trouble.error), (2, &None));
}

#[tokio::test(start_paused = true)]
async fn the_log_is_read_no_more_often_than_every_few_seconds() {
    let mut record = Record::default();
    let mut readings = 0;
    for run_id in 1..=100 {
        record.observe(&job(run_id, "Running"), Expected::default());
        if record.wants_reading().is_some() {
            readings += 1;
            // The log cannot be read.
            record.read(None);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!((2..=4).contains(&readings), "{readings}");
    assert!(!record.trouble().unwrap().is_answered);
}

#[tokio::test(start_paused = true)]
async fn another_job_under_the_same_id_begins_anew() {
    let mut record = Record::default();
    record.observe(&job(1, "Running"), Expected::default());
    record.observe(&job(4, "Running"), Expected::default());
    let mut another = job(6, "Running");
    another.id = JobId::from_server("job_2");
    record.observe(&another, Expected::default());
    assert_eq!(record.trouble(), None);
}

#[test]
fn errors_that_differ_in_numbers_alone_are_of_one_kind() {
    let kind_of = |details: &str| kind(&error("a", 1, details));
    assert_eq!(kind_of("line 2: 1.5"), kind_of("line 17: 22.75"));
    assert_ne!(kind_of("line 2"), kind_of("column 2"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_before_its_run_is_none() {
    for (states, restarts) in [
        (&[(1, "Running"), (1, "Recovering"), (1, "Failed")][..], 0),
        (&[(1, "Running"), (1, "Recovering"), (1, "Stopped")], 0),
        (&[(1, "Recovering"), (2, "Running"), (2, "Failed")], 1),
        (&[(1, "Recovering"), (2, "Recovering"), (2, "Failed")], 1),
    ] {
        let mut record = Record::default();
        for (run_id, state) in states {
            record.observe(&job(*run_id, state), Expected::default());
        }
        assert_eq!(record.trouble().unwrap().restarts, restarts, "{states:?}");
    }
}
