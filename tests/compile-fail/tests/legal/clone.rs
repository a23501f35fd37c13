use stepwell::{PipelineSpec, Submission, state::Validated};

fn example(submission: Submission<Validated>, spec: PipelineSpec) {
    let copy = spec.clone();
    drop((copy, spec, submission));
}

fn main() {
    let _ = example;
}
