//! Measures stepwell and its peers on one canned server, and prints the tables of `docs/performance.md`.

use std::{env, error::Error, io::Write as _, sync::Arc, time::Instant};

use serde_json::json;
use stepwell_bench::{
    many, measure,
    run::{MeasuredClient, Subject, Task},
    server::{Canned, ServiceTime, serve},
};
use tokio::net::TcpListener;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match arguments.as_slice() {
        ["serve", held] => runtime.block_on(server(Canned::new(held.parse()?)?)),
        ["serve-like-arroyo", held] => {
            let canned = Canned::new(held.parse()?)?;
            runtime.block_on(server(canned.taking(ServiceTime::ARROYO)))
        }
        ["client", peer, task, url, held, times] => {
            let (peer, task): (Subject, Task) = (peer.parse()?, task.parse()?);
            runtime.block_on(client(peer, task, url, held.parse()?, times.parse()?))
        }
        ["at-once", url, count] => {
            let count = count.parse()?;
            runtime.block_on(measured(async || many::submit_at_once(url, count).await, 1))
        }
        ["in-turn", url, count] => {
            let count = count.parse()?;
            runtime.block_on(measured(async || many::submit_in_turn(url, count).await, 1))
        }
        ["asked", url] => {
            println!("{}", runtime.block_on(many::asked(url))?);
            Ok(())
        }
        #[cfg(feature = "peers")]
        [] => stepwell_bench::report::report(),
        #[cfg(feature = "peers")]
        ["binary"] => stepwell_bench::report::binary(),
        _ => Err("usage: stepwell-bench".into()),
    }
}

/// Serves on a free port, prints its address, and exits at the end of its input, which the parent process holds open.
async fn server(canned: Canned) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    std::thread::spawn(|| {
        // The parent has gone, however the copy ends.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    serve(listener, Arc::new(canned)).await?;
    Ok(())
}

/// Does the task once to warm up, then `times` times, and prints the cost of these.
async fn client(
    peer: Subject,
    task: Task,
    url: &str,
    held: usize,
    times: usize,
) -> Result<(), Failure> {
    let client = tokio::sync::Mutex::new(MeasuredClient::new(peer, task, url, held).await?);
    measured(async || client.lock().await.once().await, times).await
}

/// Runs `each` this many times, and prints the cost.
async fn measured(
    each: impl AsyncFn() -> Result<(), Failure>,
    times: usize,
) -> Result<(), Failure> {
    let before = measure::cpu_time()?;
    let (memory, _) = measure::memory()?;
    let mut nanoseconds = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        each().await?;
        nanoseconds.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    let cpu = measure::cpu_time()?.saturating_sub(before);
    let (_, peak) = measure::memory()?;
    println!(
        "{}",
        json!({
            "nanoseconds": nanoseconds,
            "cpu_nanoseconds": u64::try_from(cpu.as_nanos())?,
            "memory_before": memory,
            "memory_peak": peak,
        })
    );
    Ok(())
}
