use stepwell::{Error, replacement::{Replacement, Proved}};

async fn example(proved: Replacement<Proved>) -> Result<(), Error> {
    let next = (proved.commit().await, proved.roll_back().await);
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
