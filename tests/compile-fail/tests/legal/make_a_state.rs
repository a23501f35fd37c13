use stepwell::{PipelineSpec, Submission};

fn main() {
    let transport = stepwell_transport::NeverTransport::default();
    let unconnected = Submission::new(transport, PipelineSpec::new("SELECT 1"));
    drop(unconnected);
}
