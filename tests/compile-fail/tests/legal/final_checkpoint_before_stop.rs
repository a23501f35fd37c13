use stepwell::{Error, Submission, state::Running};

async fn example(submission: Submission<Running>) -> Result<(), Error> {
    let next = submission.stop().await?.final_checkpoint();
    let _ = next;
    Ok(())
}

fn main() {
    let _ = example;
}
