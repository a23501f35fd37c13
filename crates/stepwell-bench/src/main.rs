//! Measures stepwell and its peers on one canned server, and prints the tables of `docs/performance.md`.

use std::{env, error::Error, io::Write as _, sync::Arc};

use serde_json::json;
use stepwell_bench::{
    measure,
    run::{Client, Peer, Task},
    server::{Canned, serve},
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
        ["serve", held] => runtime.block_on(server(held.parse()?)),
        ["client", peer, task, url, held, times] => {
            let (peer, task): (Peer, Task) = (peer.parse()?, task.parse()?);
            runtime.block_on(client(peer, task, url, held.parse()?, times.parse()?))
        }
        _ => Err("usage: stepwell-bench".into()),
    }
}

/// Serves on a free port, and says which.
async fn server(held: usize) -> Result<(), Failure> {
    let canned = Arc::new(Canned::new(held));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    serve(listener, canned).await?;
    Ok(())
}

/// Does it once to get ready and then so often, and says what these took.
async fn client(
    peer: Peer,
    task: Task,
    url: &str,
    held: usize,
    times: usize,
) -> Result<(), Failure> {
    let mut client = Client::new(peer, task, url, held).await?;
    let before = measure::cpu_time()?;
    let (memory, _) = measure::memory()?;
    let taken = client.repeat(times).await?;
    let cpu = measure::cpu_time()?.saturating_sub(before);
    let (_, peak) = measure::memory()?;
    println!(
        "{}",
        json!({"nanoseconds": taken, "cpu_nanoseconds": u64::try_from(cpu.as_nanos())?, "memory_before": memory, "memory_peak": peak})
    );
    Ok(())
}
