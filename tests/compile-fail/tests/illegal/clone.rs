use stepwell::{Submission, state::Validated};

fn example(submission: Submission<Validated>) {
    let copy = submission.clone();
    drop((copy, submission));
}

fn main() {
    let _ = example;
}
