use stepwell::{Error, Submission, state::Validated};

async fn example(submission: Submission<Validated>) -> Result<(), Error> {
    let one = submission.resolve().await?;
    let two = submission.resolve().await?;
    drop((one, two));
    Ok(())
}

fn main() {
    let _ = example;
}
