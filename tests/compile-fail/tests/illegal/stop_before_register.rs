use stepwell::{Error, Resolved, Submission};

async fn example(submission: Submission<Resolved<stepwell::Created>>) -> Result<(), Error> {
    let next = submission.stop().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
