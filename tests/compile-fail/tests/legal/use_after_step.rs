use stepwell::{Error, Submission, state::Validated};

async fn example(submission: Submission<Validated>) -> Result<(), Error> {
    let one = submission.resolve().await?;
    let two = one.register();
    drop(two);
    Ok(())
}

fn main() {
    let _ = example;
}
