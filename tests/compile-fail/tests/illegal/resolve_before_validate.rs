use stepwell::{Error, Submission, state::Connected};

async fn example(submission: Submission<Connected>) -> Result<(), Error> {
    let next = submission.resolve().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
