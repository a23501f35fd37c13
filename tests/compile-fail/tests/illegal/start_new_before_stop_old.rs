use stepwell::{Error, replacement::{Replacement, Prepared}};

async fn example(prepared: Replacement<Prepared>) -> Result<(), Error> {
    let next = prepared.start_new().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
