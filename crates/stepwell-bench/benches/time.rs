//! `cargo bench --profile dist -p stepwell-bench`: the time of a submission and of a search, by peer.

use std::sync::LazyLock;

use divan::Bencher;
use stepwell_bench::{
    processes::ServerProcess,
    run::{MeasuredClient, Subject, Task},
};

/// The number of pipelines to search.
const HELD: usize = 1_000;

const PEERS: [&str; 4] = ["floor", "stepwell", "by-hand", "generated"];

static FEW: LazyLock<Option<ServerProcess>> = LazyLock::new(|| ServerProcess::start(10).ok());
static MANY: LazyLock<Option<ServerProcess>> = LazyLock::new(|| ServerProcess::start(HELD).ok());

fn main() {
    divan::main();
}

#[divan::bench(args = PEERS)]
fn submit(bencher: Bencher<'_, '_>, peer: &str) {
    run(bencher, peer, Task::Submit, FEW.as_ref(), 10);
}

#[divan::bench(args = PEERS)]
fn find(bencher: Bencher<'_, '_>, peer: &str) {
    run(bencher, peer, Task::Find, MANY.as_ref(), HELD);
}

fn run(
    bencher: Bencher<'_, '_>,
    peer: &str,
    task: Task,
    server: Option<&ServerProcess>,
    held: usize,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (Ok(runtime), Some(server), Ok(peer)) = (runtime, server, peer.parse::<Subject>()) else {
        eprintln!("build the server first: cargo build --profile dist -p stepwell-bench");
        return;
    };
    match runtime.block_on(MeasuredClient::new(peer, task, &server.url, held)) {
        Ok(mut client) => bencher.bench_local(|| runtime.block_on(client.once())),
        Err(error) => eprintln!("{error}"),
    }
}
