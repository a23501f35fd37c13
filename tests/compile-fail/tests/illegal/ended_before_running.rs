use stepwell::{Error, Submission, state::Registered};

async fn example(submission: Submission<Registered>) -> Result<(), Error> {
    let next = submission.ended().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
