use stepwell::{Error, Submission, state::Running};

async fn example(submission: Submission<Running>) -> Result<(), Error> {
    let next = submission.final_checkpoint();
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
