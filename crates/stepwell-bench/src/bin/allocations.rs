//! As the client of `stepwell-bench`, with every allocation counted.

use std::{alloc::System, env, error::Error};

use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use stepwell_bench::run::Client;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [peer, task, url, held, times] = arguments.as_slice() else {
        return Err("usage: allocations PEER TASK URL HELD TIMES".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut client = Client::new(peer.parse()?, task.parse()?, url, held.parse()?).await?;
        let region = Region::new(ALLOCATOR);
        client.repeat(times.parse()?).await?;
        let change = region.change();
        println!(
            "{}",
            json!({"allocations": change.allocations + change.reallocations, "bytes": change.bytes_allocated})
        );
        Ok(())
    })
}
