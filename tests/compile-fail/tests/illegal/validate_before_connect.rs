use stepwell::{Error, Submission, state::Unconnected};

async fn example(submission: Submission<Unconnected>) -> Result<(), Error> {
    let next = submission.validate().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
