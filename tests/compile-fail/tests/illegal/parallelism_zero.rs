use stepwell::PipelineSpec;

fn main() {
    let spec = PipelineSpec::builder("SELECT 1").parallelism(0).build();
    drop(spec);
}
