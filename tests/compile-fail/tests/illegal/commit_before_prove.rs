use stepwell::{Error, replacement::{Replacement, NewStarted}};

async fn example(started: Replacement<NewStarted>) -> Result<(), Error> {
    let next = started.commit().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
