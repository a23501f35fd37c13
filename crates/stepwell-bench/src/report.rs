//! The tables of `docs/performance.md`.

use std::{
    env,
    fmt::Write as _,
    fs,
    process::{Command, Stdio},
};

use crate::{
    client::floor::Failure,
    processes::{
        Allocated, HeldMemory, ServerProcess, Taken, client, counted, instructions, program,
    },
    server::Asked,
};

/// The subjects in the order of the tables, with their descriptions.
const SUBJECTS: [(&str, &str); 7] = [
    ("bare", "hyper, one connection, nothing parsed"),
    ("floor", "**floor**: hyper-util, replies skipped"),
    ("stepwell", "**stepwell**"),
    ("by-hand", "reqwest by hand, one page"),
    ("generated", "generated, one page"),
    ("by-hand-arroyo-run", "reqwest by hand, as `arroyo run`"),
    ("generated-arroyo-run", "generated, as `arroyo run`"),
];

/// The cost of one run of a client.
struct Cost {
    instructions: Option<u64>,
    allocations: u64,
    cpu_microseconds: u64,
    microseconds: u64,
    memory: u64,
}

/// Measures the clients and prints the results as Markdown.
///
/// # Errors
///
/// Fails if a measurement fails.
pub fn report() -> Result<(), Failure> {
    // `cargo run` does not build the other program of this package.
    measured("build", &["-p", "stepwell-bench", "--bins"])?;
    println!("## One submission, 10 pipelines held\n");
    println!("{}", table("submit", 10, 20)?);
    println!("## The match among 10,000 pipelines\n");
    println!("{}", table("find", 10_000, 2)?);
    println!(
        "## The same from end to end, on a server that takes 10 ms a request and 0.14 ms a listed pipeline\n"
    );
    println!("{}", end_to_end(10_000)?);
    println!("## 1,000 submissions at once\n");
    println!("{}", many(1_000)?);
    println!("## 100 specs to one server that holds 10,000 pipelines, at once\n");
    println!("{}", lists(100, 10_000)?);
    println!("## Crates\n");
    println!("{}", crates()?);
    println!("## How soon Running is seen\n");
    println!(
        "{}",
        measured("run", &["-p", "latency", "--example", "tables"])?
    );
    Ok(())
}

/// Builds the binary, with and without the engine, and prints its size and the speed of the engine.
///
/// # Errors
///
/// Fails if something does not build or a measurement fails.
pub fn binary() -> Result<(), Failure> {
    const CLIENT: [&str; 5] = [
        "-p",
        "stepwell-cli",
        "--no-default-features",
        "--features",
        "tls",
    ];
    let binary = program("stepwell")?;
    println!("## The binary\n\n| | bytes | MiB |\n|---|--:|--:|");
    for (words, arguments) in [
        ("without the engine", &CLIENT[..]),
        ("with it", &CLIENT[..2]),
    ] {
        measured("build", arguments)?;
        let bytes = fs::metadata(&binary)?.len();
        println!(
            "| {words} | {bytes} | {:.1} |",
            as_f64(bytes) / 1024.0 / 1024.0
        );
    }
    println!("\n## The embedded engine\n");
    let binary = binary.to_string_lossy();
    let example = [
        "-p",
        "stepwell-embedded",
        "--example",
        "speed",
        "--",
        &binary,
    ];
    println!("{}", measured("run", &example)?);
    Ok(())
}

/// Runs a cargo command with the profile that is measured.
fn measured(command: &str, arguments: &[&str]) -> Result<String, Failure> {
    // With another profile, the programs next to this one would not be those that are built.
    let own = program("stepwell-bench")?;
    if !own.parent().is_some_and(|folder| folder.ends_with("dist")) {
        return Err("run this with --profile dist".into());
    }
    cargo(&[&[command, "--quiet", "--profile", "dist"], arguments].concat())
}

fn cargo(arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo {} failed", arguments.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn table(task: &str, held: usize, times: usize) -> Result<String, Failure> {
    let server = ServerProcess::start(held)?;
    let costs = SUBJECTS.map(|(peer, _)| cost(peer, task, &server.url, held, times));
    let costs = costs.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut text = String::from(
        "| | instructions | × floor | × generated | allocations | × floor | × generated | CPU | time | memory over that after a first run |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let (floor, generated) = (&costs[1], &costs[4]);
    for ((_, words), cost) in SUBJECTS.iter().zip(&costs) {
        let ratio = |of: fn(&Cost) -> Option<u64>, to: &Cost| match (of(cost), of(to)) {
            (Some(cost), Some(to)) => format!("{:.2}", as_f64(cost) / as_f64(to)),
            _ => "–".to_owned(),
        };
        let allocations = |cost: &Cost| Some(cost.allocations);
        writeln!(
            text,
            "| {words} | {} | {} | {} | {} | {} | {} | {} µs | {} µs | {:.1} MiB |",
            cost.instructions
                .map_or_else(|| "–".to_owned(), |count| format!("{} k", count / 1000)),
            ratio(|cost| cost.instructions, floor),
            ratio(|cost| cost.instructions, generated),
            cost.allocations,
            ratio(allocations, floor),
            ratio(allocations, generated),
            cost.cpu_microseconds,
            cost.microseconds,
            as_f64(cost.memory) / 1024.0 / 1024.0,
        )?;
    }
    Ok(text)
}

fn cost(peer: &str, task: &str, url: &str, held: usize, times: usize) -> Result<Cost, Failure> {
    let held = held.to_string();
    let of = |times: usize| [peer, task, url, &held, &times.to_string()].map(str::to_owned);
    let arguments = |times: usize| {
        let mut arguments = vec!["client".to_owned()];
        arguments.extend(of(times));
        arguments
    };
    let count = |times| instructions(&borrowed(&arguments(times)));
    // The start of the process is in both.
    let instructions = match (count(0)?, count(times)?) {
        (Some(none), Some(all)) => Some(all.saturating_sub(none) / times as u64),
        _ => None,
    };
    let Allocated { allocations, .. } = counted(&borrowed(&of(times)))?;
    let Taken {
        mut nanoseconds,
        cpu_nanoseconds,
        memory_before,
        memory_peak,
    } = client(&borrowed(&arguments(times * 5)))?;
    nanoseconds.sort_unstable();
    Ok(Cost {
        instructions,
        allocations: allocations / times as u64,
        cpu_microseconds: cpu_nanoseconds / 1000 / (times as u64 * 5),
        microseconds: nanoseconds[nanoseconds.len() / 2] / 1000,
        memory: memory_peak.saturating_sub(memory_before),
    })
}

/// The time of the match on a slow server.
fn end_to_end(held: usize) -> Result<String, Failure> {
    let server = ServerProcess::start_like_arroyo(held)?;
    let mut text = String::from("| | time | × stepwell |\n|---|--:|--:|\n");
    let mut own = None;
    for (peer, words) in SUBJECTS.iter().skip(2) {
        let arguments = ["client", peer, "find", &server.url, &held.to_string(), "1"];
        let taken: Taken = client(&arguments)?;
        let nanoseconds = taken.nanoseconds.iter().sum::<u64>();
        let own = *own.get_or_insert(nanoseconds);
        writeln!(
            text,
            "| {words} | {} ms | {:.1} |",
            nanoseconds / 1_000_000,
            as_f64(nanoseconds) / as_f64(own),
        )?;
    }
    Ok(text)
}

/// The CPU time and memory of many submissions, concurrently and one after the other.
fn many(count: usize) -> Result<String, Failure> {
    let server = ServerProcess::start(10)?;
    let all = count.to_string();
    let at_once: Taken = client(&["at-once", &server.url, &all])?;
    let in_turn: Taken = client(&["in-turn", &server.url, "100"])?;
    let HeldMemory { peak, future } = counted(&["at-once", &server.url, &all])?;
    let each = |taken: &Taken, count: u64| taken.cpu_nanoseconds / 1000 / count;
    let count = count as u64;
    let (together, alone) = (each(&at_once, count), each(&in_turn, 100));
    Ok(format!(
        "| | |\n|---|--:|\n\
         | CPU of one alone | {alone} µs |\n\
         | CPU of one of {count} at once | {together} µs ({:.2} ×) |\n\
         | time of all {count} | {} ms |\n\
         | heap at the peak, buffers and connections included, a submission | {:.1} KiB |\n\
         | of it the future of the submission | {:.1} KiB |\n",
        as_f64(together) / as_f64(alone),
        at_once.nanoseconds.iter().sum::<u64>() / 1_000_000,
        as_f64(peak) / as_f64(count) / 1024.0,
        as_f64(future) / 1024.0,
    ))
}

/// The cost of the list for many submissions that each read it.
fn lists(specs: usize, held: usize) -> Result<String, Failure> {
    let server = ServerProcess::start(held)?;
    let _: Asked = client(&["asked", &server.url])?;
    let taken: Taken = client(&["at-once", &server.url, &specs.to_string()])?;
    let asked: Asked = client(&["asked", &server.url])?;
    Ok(format!(
        "| | pages of the list | rows | all requests | CPU | time | memory over the start |\n|---|--:|--:|--:|--:|--:|--:|\n\
         | each for itself | {} | {} | {} | {} ms | {} ms | {:.1} MiB |\n",
        asked.lists,
        asked.rows,
        asked.requests,
        taken.cpu_nanoseconds / 1_000_000,
        taken.nanoseconds.iter().sum::<u64>() / 1_000_000,
        as_f64(taken.memory_peak.saturating_sub(taken.memory_before)) / 1024.0 / 1024.0,
    ))
}

/// The number of crates in each dependency tree, including the crate itself.
fn crates() -> Result<String, Failure> {
    let trees: [(&str, &[&str]); 4] = [
        ("`stepwell`", &["-p", "stepwell"]),
        (
            "`stepwell` with TLS",
            &["-p", "stepwell", "--features", "tls"],
        ),
        (
            "the binary without the engine",
            &[
                "-p",
                "stepwell-cli",
                "--no-default-features",
                "--features",
                "tls",
            ],
        ),
        ("the binary", &["-p", "stepwell-cli"]),
    ];
    let mut text = String::from("| | crates |\n|---|--:|\n");
    for (words, arguments) in trees {
        let tree = ["tree", "--edges", "normal", "--prefix", "none"];
        let output = cargo(&[&tree[..], arguments].concat())?;
        // cargo marks repeated crates.
        let lines = output.lines().map(|line| line.trim_end_matches(" (*)"));
        let crates: std::collections::BTreeSet<_> = lines.filter(|line| !line.is_empty()).collect();
        writeln!(text, "| {words} | {} |", crates.len())?;
    }
    Ok(text)
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted here is far below 2^52"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}
