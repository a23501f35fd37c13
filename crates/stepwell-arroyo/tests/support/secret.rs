//! Requests and replies with passwords wherever they can occur.

#![allow(unreachable_pub, reason = "a test file is its own crate")]

use std::num::NonZeroU32;

use serde_json::json;
use stepwell_arroyo::{CreatePipeline, Pipeline, PipelineId, Udf};

pub const SECRET: &str = "hunter2";

pub fn create() -> CreatePipeline {
    let query = format!("CREATE TABLE t WITH ('password' = '{SECRET}')");
    CreatePipeline::new("orders", query, NonZeroU32::MIN)
        .udfs(vec![Udf::python(SECRET)])
        .env_vars([("KEY".to_owned(), SECRET.to_owned())].into())
        .scheduler_config(json!({"env": SECRET}))
}

pub fn pipeline() -> Pipeline {
    let mut pipeline = Pipeline::new(PipelineId::from_server("pl_1"), "orders", SECRET, 1);
    pipeline.udfs = vec![Udf::rust(SECRET)];
    pipeline
}
