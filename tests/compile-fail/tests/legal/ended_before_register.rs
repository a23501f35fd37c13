use stepwell::{Error, Submission, state::Resolved};

async fn example(submission: Submission<Resolved<stepwell::state::Created>>) -> Result<(), Error> {
    let next = submission.register().ended().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
