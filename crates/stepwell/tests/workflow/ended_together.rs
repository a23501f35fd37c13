//! Watching the jobs of several pipelines to their ends, over clones of one transport.

use serde_json::{Value, json};
use stepwell::{
    Error, JobState, SharedTransport, Shutdown, Submission, Transport as _,
    error::WaitError,
    state::Running,
    transport::{FakeTransport, http::Method},
};
use tokio::task::JoinHandle;

use crate::support::*;

const ALL_JOBS: &str = "/api/v1/jobs";

const IDS: [&str; 3] = ["pl_1", "pl_2", "pl_3"];

/// The job of each pipeline has its number.
fn job_of(id: &str, state: &str) -> Value {
    let number = id.trim_start_matches("pl_");
    job(state)
        .with("id", json!(format!("job_{number}")))
        .with("pipeline_id", json!(id))
}

fn all(state: &str) -> Vec<Value> {
    IDS.map(|id| job_of(id, state)).to_vec()
}

/// Attaches to a pipeline that is Running.
async fn attached(fake: &FakeTransport, over: &SharedTransport, name: &str) -> Submission<Running> {
    fake.expect(Method::GET, path(name))
        .reply_json(200, &pipeline(name, QUERY));
    fake.jobs(name, job_of(name, "Running"));
    let (shutdown, options) = (
        Shutdown::new(),
        options()
            .with_silence_timeout(seconds(60))
            .with_request_timeout(seconds(10)),
    );
    let registered = Submission::attach(over.clone(), id(name), &shutdown, options);
    let registered = registered.await.unwrap();
    registered.wait_until_running().await.unwrap()
}

type End = JoinHandle<Result<stepwell::state::Ended, Error>>;

/// Three waits over one transport.
async fn three(fake: &FakeTransport) -> [End; 3] {
    let over = fake.clone().into_shared();
    let mut running = Vec::new();
    for name in IDS {
        running.push(attached(fake, &over, name).await);
    }
    // The first two come before the list is worth it.
    for name in &IDS[..2] {
        fake.jobs(name, job_of(name, "Running"));
    }
    let ends = running
        .into_iter()
        .map(|running| tokio::spawn(async move { running.ended().await }));
    ends.collect::<Vec<_>>().try_into().unwrap()
}

fn list(fake: &FakeTransport, jobs: &[Value]) {
    fake.expect(Method::GET, ALL_JOBS)
        .reply_json(200, &json!({"data": jobs}));
}

fn is_vanished(error: &Error) -> bool {
    matches!(
        error,
        Error::Wait {
            source: WaitError::Vanished { .. }
        }
    )
}

async fn state(end: End) -> JobState {
    end.await.unwrap().unwrap().job.state
}

#[tokio::test(start_paused = true)]
async fn three_waits_over_one_transport_read_one_list() {
    let fake = FakeTransport::any_order();
    let ends = three(&fake).await;
    for _ in 0..10 {
        list(&fake, &all("Running"));
    }
    list(&fake, &all("Finished"));
    for end in ends {
        assert_eq!(state(end).await, JobState::Finished);
    }
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_another_client_made_anew_is_not_in_the_list_and_is_looked_at() {
    let fake = FakeTransport::any_order();
    let [one, two, three] = three(&fake).await;
    let anew = job_of("pl_2", "Running").with("id", json!("job_9"));
    list(&fake, &all("Running"));
    list(
        &fake,
        &[
            job_of("pl_1", "Running"),
            anew.clone(),
            job_of("pl_3", "Running"),
        ],
    );
    fake.jobs("pl_2", anew.clone());
    let error = two.await.unwrap().unwrap_err();
    assert!(is_vanished(&error), "{error:?}");
    // Two of them are watched one by one.
    for name in ["pl_1", "pl_3"] {
        fake.jobs(name, job_of(name, "Finished"));
    }
    assert_eq!(state(one).await, JobState::Finished);
    assert_eq!(state(three).await, JobState::Finished);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_names_another_pipeline_is_not_believed() {
    let fake = FakeTransport::any_order();
    let [one, two, three] = three(&fake).await;
    list(&fake, &all("Running"));
    let mixed_up = job_of("pl_2", "Failed").with("pipeline_id", json!("pl_8"));
    list(
        &fake,
        &[
            job_of("pl_1", "Running"),
            mixed_up,
            job_of("pl_3", "Running"),
        ],
    );
    fake.jobs("pl_2", job_of("pl_2", "Running"));
    list(
        &fake,
        &all("Stopped")
            .into_iter()
            .map(|job| job.with("running_desired", json!(false)))
            .collect::<Vec<_>>(),
    );
    for end in [one, two, three] {
        assert_eq!(state(end).await, JobState::Stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_the_list_lacks_is_gone_only_if_its_own_reply_says_so_for_long() {
    let fake = FakeTransport::any_order();
    let [one, two, three] = three(&fake).await;
    let rest = [job_of("pl_1", "Running"), job_of("pl_3", "Running")];
    fake.expect(Method::GET, ALL_JOBS)
        .reply_json(200, &json!({"data": rest}))
        .always();
    fake.expect(Method::GET, jobs_path("pl_2"))
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
    let began = tokio::time::Instant::now();
    let error = two.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("pl_2"), "{error:?}");
    let elapsed = began.elapsed();
    assert!(
        elapsed >= seconds(4) && elapsed < seconds(13),
        "{elapsed:?}"
    );
    assert!(!one.is_finished() && !three.is_finished());
}

/// A list that was requested before the job was last seen may show less.
#[tokio::test(start_paused = true)]
async fn a_slow_list_does_not_turn_a_job_back() {
    let fake = FakeTransport::any_order();
    let [one, two, three] = three(&fake).await;
    fake.expect(Method::GET, ALL_JOBS)
        .delay(seconds(4))
        .reply_json(200, &json!({"data": all("Failed")}));
    // The waits do not wait for it. By itself, each is in its next run before the list comes.
    for name in IDS {
        fake.expect(Method::GET, jobs_path(name))
            .reply_json(
                200,
                &json!({"data": [job_of(name, "Running").with("run_id", json!(2))]}),
            )
            .always();
        fake.expect(
            Method::GET,
            format!("{}/job_{}/errors?", jobs_path(name), &name[3..]),
        )
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    }
    tokio::time::sleep(millis(4_400)).await;
    for end in [&one, &two, &three] {
        assert!(!end.is_finished());
    }
}
