use stepwell::{Error, Resolved, Submission};

async fn example(submission: Submission<Resolved<stepwell::Created>>) -> Result<(), Error> {
    let next = submission.wait_until_running().await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
