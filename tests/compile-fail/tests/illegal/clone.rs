use stepwell::{Submission, Validated};

fn example(submission: Submission<Validated>) {
    let copy = submission.clone();
    drop((copy, submission));
}

fn main() {
    let _ = example;
}
