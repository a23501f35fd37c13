use stepwell::state::Connected;

fn main() {
    let connected = Connected { spec: std::sync::Arc::new(stepwell::PipelineSpec::new("SELECT 1")) };
    drop(connected);
}
