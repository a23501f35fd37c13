//! Measures an engine with many pipelines in its store. Prints a Markdown table.
//!
//! ```sh
//! cargo run --profile dist -p stepwell-embedded --example load           # 10, 100 and 1,000 pipelines
//! cargo run --profile dist -p stepwell-embedded --example load -- 5000
//! ```
//!
//! Nine in ten pipelines are Finished, the others Stopped. Each figure is the median of several tries over one connection.

#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::error::Error;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use stepwell_arroyo::{Client, CreatePipeline, Job, JobState, PatchPipeline, PipelineId, StopMode};
use stepwell_embedded::Engine;
use stepwell_hyper::HyperTransport;
use stepwell_transport::Transport as _;
use tokio::time;

/// How often each operation is measured.
const TRIES: usize = 21;
/// How often an engine is started.
const STARTS: usize = 5;
/// How many creates are in flight while the store is filled.
const AT_ONCE: usize = 32;

/// A query of usual length, with the table that it reads.
const QUERY: &str = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '1000', message_count = 'COUNT');
CREATE TABLE orders (counter BIGINT UNSIGNED, size BIGINT UNSIGNED, kind TEXT) WITH (connector = 'blackhole');
INSERT INTO orders
SELECT counter, counter * 3 + 1 AS size, CASE WHEN counter % 2 = 0 THEN 'even' ELSE 'odd' END AS kind
FROM impulse
WHERE counter % 5 <> 4;";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut sizes: Vec<usize> = Vec::new();
    for argument in std::env::args().skip(1) {
        sizes.push(argument.parse()?);
    }
    if sizes.is_empty() {
        sizes = vec![10, 100, 1000];
    }
    let mut columns = Vec::new();
    for &size in &sizes {
        let directory = tempfile::tempdir()?;
        columns.push(measure(directory.path(), size).await?);
    }
    print_table(&sizes, &columns);
    Ok(())
}

fn print_table(sizes: &[usize], columns: &[Vec<(&'static str, Duration)>]) {
    let heads: Vec<_> = sizes
        .iter()
        .map(|size| format!("{size} pipelines"))
        .collect();
    println!("| | {} |", heads.join(" | "));
    println!("|---|{}", "---:|".repeat(sizes.len()));
    let Some(first) = columns.first() else { return };
    for (row, (name, _)) in first.iter().enumerate() {
        let figures: Vec<_> = columns
            .iter()
            .map(|column| format!("{:.2} ms", column[row].1.as_secs_f64() * 1_000.0))
            .collect();
        println!("| {name} | {} |", figures.join(" | "));
    }
}

async fn measure(directory: &Path, size: usize) -> Outcome<Vec<(&'static str, Duration)>> {
    let (engine, client) = start(directory).await?;
    let begun = Instant::now();
    let ids = fill(&client, size).await?;
    let filling = begun.elapsed() / u32::try_from(size)?;
    engine.close().await?;

    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let (engine, client) = start(directory).await?;
        client.ping().await?;
        starts.push(begun.elapsed());
        engine.close().await?;
    }
    let (engine, client) = start(directory).await?;
    client.ping().await?;
    let mut figures = vec![
        ("create, 32 at once, each until it has ended", filling),
        ("engine start until the first answer", median(starts)),
    ];
    figures.extend(reads(&client, &ids).await?);
    figures.extend(writes(&client).await?);
    engine.close().await?;
    Ok(figures)
}

async fn reads(client: &Client, ids: &[PipelineId]) -> Outcome<Vec<(&'static str, Duration)>> {
    let mut figures = Vec::new();
    for (name, limit) in [
        ("list, a page of 10,000", 10_000),
        ("list, a page of 100", 100),
        ("list, a page of 10", 10),
    ] {
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        let mut times = Vec::new();
        for _ in 0..TRIES {
            let begun = Instant::now();
            client.pipelines_page(limit, None).await?;
            times.push(begun.elapsed());
        }
        figures.push((name, median(times)));
    }
    let mut times = Vec::new();
    for id in ids.iter().cycle().step_by(7).take(TRIES) {
        let begun = Instant::now();
        client.pipeline(id).await?;
        times.push(begun.elapsed());
    }
    figures.push(("GET of one", median(times)));
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let begun = Instant::now();
        let request = Request::get("/pipelines").body(Bytes::new())?;
        let reply = client.transport().execute(request).await?;
        if !reply.status().is_success() {
            return Err(format!("the status page is {}", reply.status()).into());
        }
        times.push(begun.elapsed());
    }
    figures.push(("status page of all", median(times)));
    Ok(figures)
}

async fn writes(client: &Client) -> Outcome<Vec<(&'static str, Duration)>> {
    let [mut created, mut ran, mut stopped, mut told, mut resumed] = [const { Vec::new() }; 5];
    // Pipelines are stopped one after the other, so that never more than one runs.
    for _ in 0..TRIES {
        let begun = Instant::now();
        let id = client.create(&pipeline(1_000_000_000)).await?.id;
        created.push(begun.elapsed());
        until(client, &id, |job| job.state == JobState::Running).await?;
        ran.push(begun.elapsed());

        let begun = Instant::now();
        stop(client, &id).await?;
        stopped.push(begun.elapsed());

        let begun = Instant::now();
        client
            .patch(&id, &PatchPipeline::new().stop(StopMode::None))
            .await?;
        told.push(begun.elapsed());
        until(client, &id, |job| {
            job.state == JobState::Running && job.run_id == 2
        })
        .await?;
        resumed.push(begun.elapsed());
        stop(client, &id).await?;
    }
    Ok(vec![
        ("create, until the reply", median(created)),
        ("create, until Running", median(ran)),
        ("stop with a checkpoint, until Stopped", median(stopped)),
        ("resume, until the reply", median(told)),
        ("resume, until Running", median(resumed)),
    ])
}

async fn stop(client: &Client, id: &PipelineId) -> Outcome<()> {
    client
        .patch(id, &PatchPipeline::new().stop(StopMode::Checkpoint))
        .await?;
    until(client, id, |job| job.state == JobState::Stopped).await
}

/// Creates pipelines and waits until each has ended.
async fn fill(client: &Client, size: usize) -> Outcome<Vec<PipelineId>> {
    let mut ids = Vec::new();
    let mut begun = 0..size;
    let mut under_way = tokio::task::JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(number) = begun.next()
        {
            let client = client.clone();
            under_way.spawn(async move { one(&client, number % 10 != 0).await });
        }
        match under_way.join_next().await {
            Some(id) => ids.push(id??),
            None => return Ok(ids),
        }
    }
}

async fn one(client: &Client, finite: bool) -> Outcome<PipelineId> {
    let count = if finite { 1 } else { 1_000_000_000 };
    let id = client.create(&pipeline(count)).await?.id;
    if finite {
        until(client, &id, |job| job.state == JobState::Finished).await?;
    } else {
        until(client, &id, |job| job.state == JobState::Running).await?;
        stop(client, &id).await?;
    }
    Ok(id)
}

fn pipeline(count: u64) -> CreatePipeline {
    let query = QUERY.replace("COUNT", &count.to_string());
    CreatePipeline::new("orders", query, NonZeroU32::MIN)
}

async fn until(client: &Client, id: &PipelineId, wanted: impl Fn(&Job) -> bool) -> Outcome<()> {
    let begun = Instant::now();
    loop {
        if client.jobs(id).await?.iter().any(&wanted) {
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(60) {
            return Err(format!("{id} did not come to what was waited for").into());
        }
        time::sleep(Duration::from_millis(1)).await;
    }
}

async fn start(directory: &Path) -> Outcome<(Engine, Client)> {
    let engine = Engine::builder(directory)
        .rows(Box::new(std::io::sink()))
        .start()
        .await?;
    let transport = HyperTransport::builder(engine.url()).build()?;
    Ok((engine, Client::new(transport.into_shared())))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
