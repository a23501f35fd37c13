//! A spec with a password in every field that can hold one.

use serde_json::json;
use stepwell::{
    PipelineSpec,
    arroyo::Udf,
    spec::{Identity, PipelineSpecBuilder},
};

use crate::support::*;

pub(crate) const SECRET: &str = "hunter2";

pub(crate) fn secret_query() -> String {
    format!("CREATE TABLE t WITH (connector = 'kafka', 'password' = '{SECRET}');")
}

pub(crate) fn builder() -> PipelineSpecBuilder {
    PipelineSpec::builder(secret_query())
        .name("orders")
        .identity(Identity::Given(id("orders-1")))
        .udf(Udf::rust(format!("const KEY: &str = \"{SECRET}\";")))
        .environment("KEY", SECRET)
        .scheduler_config(json!({"key": SECRET}))
}

#[track_caller]
pub(crate) fn shows_no_secret(text: &str) {
    assert!(!text.contains(SECRET), "{text}");
    assert!(!text.contains("CREATE TABLE"), "{text}");
}

pub(crate) fn secret_pipeline() -> serde_json::Value {
    pipeline("orders-1", &secret_query()).with(
        "udfs",
        json!([{"definition": format!("const KEY: &str = \"{SECRET}\";"), "language": "rust"}]),
    )
}
