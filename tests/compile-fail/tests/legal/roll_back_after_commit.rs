use stepwell::{Error, replacement::{Replacement, Proved}};

async fn example(proved: Replacement<Proved>) -> Result<(), Error> {
    let next = match proved.commit().await {
        Ok(running) => Ok(running),
        Err(failure) => Err(failure.into_replacement().roll_back().await),
    };
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
