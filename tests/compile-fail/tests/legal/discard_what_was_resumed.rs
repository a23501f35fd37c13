use stepwell::{Error, Submission, state::Resolved};

async fn example(submission: Submission<Resolved<stepwell::state::Resumed>>) -> Result<(), Error> {
    let next = submission.register().stop().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
