use stepwell::{Error, Submission, state::Running};

async fn example(running: Submission<Running>) -> Result<(), Error> {
    let next = running.stop().await?.delete().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
