use stepwell::{Error, Registered, Submission};

async fn example(submission: Submission<Registered>) -> Result<(), Error> {
    let next = submission.ended().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
