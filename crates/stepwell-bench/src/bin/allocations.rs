//! The client of `stepwell-bench`, with every allocation counted.

use std::{alloc::System, env, error::Error, time::Duration};

use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use stepwell_bench::{many, run::MeasuredClient};

type Failure = Box<dyn Error + Send + Sync>;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match arguments.as_slice() {
        ["at-once", url, count] => runtime.block_on(at_once(url, count.parse()?)),
        [peer, task, url, held, times] => runtime.block_on(async {
            let times: usize = times.parse()?;
            let mut client =
                MeasuredClient::new(peer.parse()?, task.parse()?, url, held.parse()?).await?;
            let region = Region::new(ALLOCATOR);
            for _ in 0..times {
                client.once().await?;
            }
            let change = region.change();
            println!(
                "{}",
                json!({
                    "allocations": change.allocations + change.reallocations,
                    "bytes": change.bytes_allocated,
                })
            );
            Ok(())
        }),
        _ => Err("usage: allocations PEER TASK URL HELD TIMES".into()),
    }
}

/// Prints the peak memory of many concurrent submissions, sampled every millisecond.
async fn at_once(url: &str, count: usize) -> Result<(), Failure> {
    let region = Region::new(ALLOCATOR);
    let mut peak = 0;
    let mut work = std::pin::pin!(many::submit_at_once(url, count));
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                done?;
                break;
            }
            () = tokio::time::sleep(Duration::from_millis(1)) => {
                peak = peak.max(in_use(region.change()));
            }
        }
    }
    let future = many::size_of_submission(url)?;
    println!("{}", json!({"peak": peak, "future": future}));
    Ok(())
}

fn in_use(change: Stats) -> usize {
    // A reallocation that grows counts as allocated bytes, and all of it as deallocated when it is freed.
    change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated)
}
