//! An embedded engine as a server of its own: `cargo run -p end-to-end --example engine -- DIRECTORY PORT`. It runs until it is killed, and goes on from
//! there when it is started again.

use std::{error::Error, io};

use stepwell_embedded::Engine;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(port)) = (arguments.next(), arguments.next()) else {
        return Err("usage: engine DIRECTORY PORT".into());
    };
    let engine = Engine::builder(directory)
        .rows(Box::new(io::sink()))
        .port(port.parse()?)
        .start()
        .await?;
    println!("{}", engine.url());
    std::future::pending::<()>().await;
    engine.close().await?;
    Ok(())
}
