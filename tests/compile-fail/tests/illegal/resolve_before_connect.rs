use stepwell::{Error, Submission, state::Unconnected};

async fn example(submission: Submission<Unconnected>) -> Result<(), Error> {
    let next = submission.resolve().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
