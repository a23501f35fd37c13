//! Runs an embedded engine as a server: `cargo run -p end-to-end --example engine -- DIRECTORY PORT`. It runs until it is killed, and
//! continues from its stored state when it is started again. With `0.15` as a third argument it behaves like a 0.15.0.

use std::{error::Error, io};

use stepwell_embedded::Engine;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(port)) = (arguments.next(), arguments.next()) else {
        return Err("usage: engine DIRECTORY PORT [0.15]".into());
    };
    let builder = Engine::builder(directory)
        .rows(Box::new(io::sink()))
        .port(port.parse()?);
    let builder = match arguments.next().as_deref() {
        Some("0.15") => builder.play_0_15(20),
        Some(other) => return Err(format!("there is no generation {other}").into()),
        None => builder,
    };
    let engine = builder.start().await?;
    println!("{}", engine.url());
    std::future::pending::<()>().await;
    engine.close().await?;
    Ok(())
}
