//! Runs every query of the corpus on an embedded engine, through its API.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{
    collections::BTreeMap,
    fs, io,
    num::NonZeroU32,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use corpus::{Query, differences, parse, queries};
use http::StatusCode;
use serde_json::Value;
use stepwell::{
    HyperTransport, JobState, PipelineId, Transport as _,
    arroyo::{Client, CreatePipeline, Job},
};
use stepwell_embedded::Engine;

/// Longer than any query takes, even on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(5);

const PARALLELISMS: [u32; 2] = [1, 4];

/// Keeps the printed rows for the test.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn engine(state: &Path, printed: &Printed) -> (Engine, Client) {
    let engine = Engine::builder(state)
        .rows(Box::new(printed.clone()))
        .start()
        .await
        .unwrap();
    let transport = HyperTransport::builder(engine.url()).build().unwrap();
    (engine, Client::new(transport.into_shared()))
}

#[test]
fn the_corpus_is_whole() {
    let queries = queries();
    let refused = queries.iter().filter(|query| query.refusal().is_some());
    assert_eq!((queries.len(), refused.count()), (30, 10));
    for (number, query) in (1..).zip(&queries) {
        let starts = format!("{number:02}-");
        assert!(query.name.starts_with(&starts), "{}", query.name);
        assert!(query.about().contains("Worked out"), "{}", query.name);
    }
}

#[tokio::test]
async fn every_query_gives_its_rows() {
    let mut failures = Vec::new();
    println!("{:<36} {:>5} {:>9} {:>9}", "query", "rows", "1", "4");
    for query in queries() {
        if query.refusal().is_some() {
            continue;
        }
        let rows: usize = query.expected(1).values().map(Vec::len).sum();
        let mut took = Vec::new();
        for parallelism in PARALLELISMS {
            let started = Instant::now();
            took.push(match run(&query, parallelism).await {
                Ok(()) => format!("{} ms", started.elapsed().as_millis()),
                Err(failure) => {
                    failures.push(format!("{} at {parallelism}: {failure}", query.name));
                    "FAILED".to_owned()
                }
            });
        }
        println!("{:<36} {rows:>5} {:>9} {:>9}", query.name, took[0], took[1]);
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

/// Runs a query to its end, and describes what is wrong with its rows.
async fn run(query: &Query, parallelism: u32) -> Result<(), String> {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    fs::create_dir(&out).unwrap();
    let printed = Printed::default();
    let (engine, client) = engine(&place.path().join("state"), &printed).await;
    let pipeline = CreatePipeline::new(
        query.name.as_str(),
        query.sql(&out),
        NonZeroU32::new(parallelism).unwrap(),
    );
    let created = client.create(&pipeline).await;
    let id = created.map_err(|error| error.to_string())?.id;
    finished(&client, &id).await?;
    engine.close().await.unwrap();

    let printed = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    let found = found(&printed, &out);
    let order = query.order(parallelism);
    let mut wrong = Vec::new();
    for (sink, expected) in query.expected(parallelism) {
        let difference = match found.get(&sink) {
            Some(found) => differences(&expected, found, order),
            None => Some("there is no such file".to_owned()),
        };
        if let Some(difference) = difference {
            wrong.push(format!("{sink:?}: {difference}"));
        }
    }
    wrong.is_empty().then_some(()).ok_or(wrong.join("; "))
}

/// The rows by destination, with `""` for the printed ones.
fn found(printed: &str, out: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut found = BTreeMap::from([(String::new(), parse(printed))]);
    for entry in fs::read_dir(out).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        found.insert(name, parse(&fs::read_to_string(&path).unwrap()));
    }
    found
}

async fn finished(client: &Client, id: &PipelineId) -> Result<(), String> {
    let mut polls = tokio::time::interval(POLL);
    let last = Mutex::new(None::<Job>);
    let wait = async {
        loop {
            polls.tick().await;
            let job = client.jobs(id).await.unwrap().remove(0);
            if job.state.is_terminal() {
                return job;
            }
            *last.lock().unwrap() = Some(job);
        }
    };
    let Ok(job) = tokio::time::timeout(PATIENCE, wait).await else {
        return Err(format!("it does not end: {:?}", last.lock().unwrap()));
    };
    if job.state == JobState::Finished {
        return Ok(());
    }
    Err(format!("{:?}: {:?}", job.state, job.failure_reason))
}

#[tokio::test]
async fn the_others_are_refused_with_their_reason() {
    let place = tempfile::tempdir().unwrap();
    let (engine, client) = engine(&place.path().join("state"), &Printed::default()).await;
    let mut failures = Vec::new();
    for query in queries() {
        let Some(refusal) = query.refusal() else {
            continue;
        };
        let sql = query.sql(place.path());
        let said = client.validate(&sql, &[]).await.unwrap().errors;
        let pipeline = CreatePipeline::new(query.name.as_str(), sql.as_str(), NonZeroU32::MIN);
        let created = client
            .create(&pipeline)
            .await
            .map_err(|error| error.status());
        let is_refused = matches!(created, Err(Some(StatusCode::BAD_REQUEST)));
        let is_met = refusal.is_met(&said) && is_refused;
        println!(
            "{:<36} {}",
            query.name,
            if is_met { "ok" } else { "FAILED" }
        );
        if !is_met {
            failures.push(format!("{}: {refusal:?}\n   not {said:?}", query.name));
        }
    }
    engine.close().await.unwrap();
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}
