use stepwell::{Error, Submission, state::Stopped};

async fn example(submission: Submission<Stopped>) -> Result<(), Error> {
    let next = submission.wait_until_running().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
