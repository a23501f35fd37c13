use stepwell::{Error, Submission, state::Validated};

async fn example(submission: Submission<Validated>) -> Result<(), Error> {
    let next = submission.register();
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
