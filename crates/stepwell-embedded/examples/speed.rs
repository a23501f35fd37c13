//! Measures the speed of an engine. Prints Markdown tables.
//!
//! ```sh
//! cargo run --profile dist -p stepwell-embedded --example speed                            # the engine, in this process
//! cargo run --profile dist -p stepwell-embedded --example speed -- target/dist/stepwell # and the start of that binary
//! cargo run --profile dist -p stepwell-embedded --example speed -- only='1,000 keys'       # only this measurement, for a profiler
//! ```
//!
//! Sources are read as fast as possible. Rows per second are the best of three tries, times the median of many.

#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stepwell_arroyo::{Client, CreatePipeline, Job, JobState, PatchPipeline, PipelineId, StopMode};
use stepwell_embedded::Engine;
use stepwell_hyper::HyperTransport;
use stepwell_transport::Transport as _;
use tokio::time;

/// How often a query is run to the end.
const RUNS: usize = 3;
/// How often a pipeline is created and awaited.
const CREATES: usize = 101;
/// How often the binary is started.
const STARTS: usize = 41;

const COUNTED: &str = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '1000000000', message_count = 'ROWS',
    event_time_interval = '10000');\n";
/// The path is that of `lines`.
const READ: &str = "CREATE TABLE impulse (counter BIGINT UNSIGNED, kind TEXT, at TIMESTAMP)
    WITH (connector = 'single_file', path = 'DIRECTORY/in.json', type = 'source', event_time_field = 'at',
    wait_for_control = 'false');\n";
const PROJECT: &str = "SELECT counter, counter * 3 + 1 AS size, CASE WHEN counter % 2 = 0 THEN 'even' ELSE 'odd' END AS kind
    FROM impulse WHERE counter % 5 <> 4;";
const COUNT: &str = "SELECT counter % 1000 AS id, count(*) AS rows FROM impulse
    GROUP BY tumble(interval '1 second'), counter % 1000;";
const PROJECTED: &str =
    "CREATE TABLE sink (counter BIGINT UNSIGNED, size BIGINT UNSIGNED, kind TEXT) WITH (SINK);
    INSERT INTO sink ";
const KEYED: &str =
    "CREATE TABLE sink (id BIGINT UNSIGNED, rows BIGINT) WITH (SINK);\nINSERT INTO sink ";
const BLACKHOLE: &str = "connector = 'blackhole'";
const FILE: &str = "connector = 'single_file', type = 'sink', path = 'DIRECTORY/out.json'";
/// Nothing closes a window before the end.
const LATE: &str = "CREATE TABLE late (counter BIGINT UNSIGNED, at TIMESTAMP, WATERMARK FOR at AS at - interval '1000 days')
    WITH (connector = 'single_file', path = 'DIRECTORY/late.json', type = 'source', wait_for_control = 'false');\n";
const EACH: &str = "CREATE TABLE sink (id BIGINT UNSIGNED, rows BIGINT) WITH (SINK);
    INSERT INTO sink SELECT counter AS id, count(*) AS rows FROM late GROUP BY tumble(interval '1 second'), counter;";
/// With a second source that continues, and keeps the windows open.
const OPEN: &str = "CREATE TABLE tick WITH (connector = 'impulse', event_rate = '1');
    CREATE VIEW all_rows AS SELECT counter FROM late UNION ALL SELECT counter FROM tick;
    SELECT counter AS id, count(*) AS rows FROM all_rows GROUP BY tumble(interval '1 second'), counter;";
const FIRST: &str = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '2');
SELECT counter, CASE WHEN counter % 2 = 0 THEN 'tick' ELSE 'tock' END AS sound FROM impulse;";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A query that ends, and how many rows it reads.
struct Load {
    name: &'static str,
    rows: u64,
    query: String,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let (mut binary, mut only) = (None, String::new());
    for argument in std::env::args().skip(1) {
        match argument.strip_prefix("only=") {
            Some(part) => part.clone_into(&mut only),
            None => binary = Some(PathBuf::from(argument)),
        }
    }
    let directory = tempfile::tempdir()?;
    rates(directory.path(), &only).await?;
    times(directory.path(), &only, binary.as_deref()).await
}

fn loads() -> Vec<Load> {
    let load = |name, rows: u64, parts: [&str; 3], sink| Load {
        name,
        rows,
        query: parts
            .concat()
            .replace("SINK", sink)
            .replace("ROWS", &rows.to_string()),
    };
    vec![
        load(
            "filter and projection, impulse to blackhole",
            20_000_000,
            [COUNTED, PROJECTED, PROJECT],
            BLACKHOLE,
        ),
        load(
            "filter and projection, every row printed",
            2_000_000,
            [COUNTED, "", PROJECT],
            "",
        ),
        load(
            "filter and projection, JSON file to JSON file",
            1_000_000,
            [READ, PROJECTED, PROJECT],
            FILE,
        ),
        load(
            "count by 1,000 keys and windows of 1 s, impulse to blackhole",
            20_000_000,
            [COUNTED, KEYED, COUNT],
            BLACKHOLE,
        ),
        load(
            "count by 1,000 keys and windows of 1 s, JSON file to JSON file",
            1_000_000,
            [READ, KEYED, COUNT],
            FILE,
        ),
        load(
            "100,000 windows of a row each, closed at the end",
            100_000,
            [LATE, EACH, ""],
            BLACKHOLE,
        ),
    ]
}

async fn rates(directory: &Path, only: &str) -> Outcome<()> {
    println!("| query | rows | time | rows a second |\n|---|---:|---:|---:|");
    write(
        &directory.join("in.json"),
        1_000_000,
        Duration::from_micros(10),
    )?;
    write(
        &directory.join("late.json"),
        100_000,
        Duration::from_secs(1),
    )?;
    for load in loads() {
        if !load.name.contains(only) {
            continue;
        }
        let mut best = Duration::MAX;
        for _ in 0..RUNS {
            best = best.min(run(directory, &load.query).await?);
        }
        #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = load.rows as f64 / best.as_secs_f64() / 1_000_000.0;
        println!(
            "| {} | {} | {:.0} ms | {rate:.2} M |",
            load.name,
            load.rows,
            milliseconds(best)
        );
    }
    println!();
    Ok(())
}

/// Writes JSON objects with a counter and a time that advances by a step.
fn write(path: &Path, count: u64, step: Duration) -> Outcome<()> {
    let mut text = String::new();
    let step = u64::try_from(step.as_micros())?;
    for counter in 0..count {
        let micros = counter * step;
        let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
        let (days, seconds) = (seconds / 86_400, seconds % 86_400);
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        // Every month has 28 days here, so at most 336 days a year are possible.
        let (year, month, day) = (2100 + days / 336, days / 28 % 12 + 1, days % 28 + 1);
        let kind = if counter % 2 == 0 { "even" } else { "odd" };
        writeln!(
            text,
            "{{\"counter\":{counter},\"kind\":\"{kind}\",\"at\":\"{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{micros:06}\"}}"
        )?;
    }
    std::fs::write(path, text)?;
    Ok(())
}

/// The time from the create to Finished, in a new engine.
async fn run(directory: &Path, query: &str) -> Outcome<Duration> {
    let state = tempfile::tempdir()?;
    let (engine, client) = start(state.path()).await?;
    let pipeline = pipeline(directory, query)?;
    let begun = Instant::now();
    let id = client.create(&pipeline).await?.id;
    until(&client, &id, JobState::Finished).await?;
    let taken = begun.elapsed();
    engine.close().await?;
    Ok(taken)
}

async fn times(directory: &Path, only: &str, binary: Option<&Path>) -> Outcome<()> {
    println!("| from → to | median | p99 | tries |\n|---|---:|---:|---:|");
    let wanted = |name: &str| name.contains(only);
    if wanted("`POST` → Running") {
        print_times("`POST` → Running", creates().await?);
    }
    if wanted("stop with a checkpoint of 40,000 windows → Stopped") {
        write(&directory.join("late.json"), 40_000, Duration::from_secs(1))?;
        print_times(
            "stop with a checkpoint of 40,000 windows → Stopped",
            stops(directory).await?,
        );
    }
    if let Some(binary) = binary
        && wanted("process start → first row")
    {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            times.push(first_row(binary)?);
        }
        print_times("process start → first row", times);
    }
    Ok(())
}

fn print_times(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |hundredth: usize| {
        let place = (times.len() * hundredth / 100).min(times.len().saturating_sub(1));
        milliseconds(times.get(place).copied().unwrap_or_default())
    };
    println!(
        "| {name} | {:.1} ms | {:.1} ms | {} |",
        at(50),
        at(99),
        times.len()
    );
}

async fn creates() -> Outcome<Vec<Duration>> {
    let state = tempfile::tempdir()?;
    let (engine, client) = start(state.path()).await?;
    let mut times = Vec::new();
    for number in 0..CREATES {
        // A query that was just planned is not planned again.
        let query = format!("{FIRST} -- {number}");
        let pipeline = pipeline(state.path(), &query)?;
        let begun = Instant::now();
        let id = client.create(&pipeline).await?.id;
        until(&client, &id, JobState::Running).await?;
        times.push(begun.elapsed());
        stop(&client, &id).await?;
    }
    engine.close().await?;
    Ok(times)
}

async fn stops(directory: &Path) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let state = tempfile::tempdir()?;
        let (engine, client) = start(state.path()).await?;
        let id = client
            .create(&pipeline(directory, &[LATE, OPEN].concat())?)
            .await?
            .id;
        until(&client, &id, JobState::Running).await?;
        // A job does not show its progress: the file is read by then.
        time::sleep(Duration::from_secs(3)).await;
        let begun = Instant::now();
        stop(&client, &id).await?;
        times.push(begun.elapsed());
        engine.close().await?;
    }
    Ok(times)
}

/// The time from the start of the process to the first row on its standard output.
fn first_row(binary: &Path) -> Outcome<Duration> {
    let directory = tempfile::tempdir()?;
    let query = directory.path().join("first.sql");
    std::fs::write(&query, FIRST)?;
    let begun = Instant::now();
    let mut process = Command::new(binary)
        .args(["run", "--state-dir"])
        .arg(directory.path().join("state"))
        .arg(&query)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut line = String::new();
    if let Some(output) = process.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let taken = begun.elapsed();
    process.kill()?;
    process.wait()?;
    if !line.starts_with('{') {
        return Err(format!("{} printed no row", binary.display()).into());
    }
    Ok(taken)
}

async fn stop(client: &Client, id: &PipelineId) -> Outcome<()> {
    client
        .patch(id, &PatchPipeline::new().stop(StopMode::Checkpoint))
        .await?;
    until(client, id, JobState::Stopped).await
}

fn pipeline(directory: &Path, query: &str) -> Outcome<CreatePipeline> {
    let directory = directory.to_str().ok_or("the directory has no name")?;
    let query = query.replace("DIRECTORY", directory);
    Ok(CreatePipeline::new("speed", query, NonZeroU32::MIN))
}

async fn until(client: &Client, id: &PipelineId, wanted: JobState) -> Outcome<()> {
    let is_wanted = |job: &Job| job.state == wanted;
    loop {
        let jobs = client.jobs(id).await?;
        if jobs.iter().any(is_wanted) {
            return Ok(());
        }
        if let Some(failed) = jobs.iter().find(|job| job.state == JobState::Failed) {
            return Err(format!("{id} failed: {:?}", failed.failure_reason).into());
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

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
