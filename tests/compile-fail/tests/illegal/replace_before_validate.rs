use stepwell::{Error, Submission, state::{Connected, Running}};

async fn example(new: Submission<Connected>, old: Submission<Running>) -> Result<(), Error> {
    let next = new.replace(old, Default::default()).await;
    drop(next);
    Ok(())
}

fn main() {
    let _ = example;
}
