use stepwell::{Error, replacement::{Replacement, Prepared}};

async fn example(prepared: Replacement<Prepared>) -> Result<(), Error> {
    let next = prepared.stop_old().await?.start_new().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
