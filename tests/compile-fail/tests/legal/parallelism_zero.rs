use stepwell::PipelineSpec;

fn main() {
    let spec = PipelineSpec::builder("SELECT 1").parallelism(std::num::NonZeroU32::MIN).build();
    drop(spec);
}
