use std::num::NonZeroU32;

use stepwell_arroyo::PipelineId;

use super::*;

#[test]
fn a_spec_survives_serde() {
    let spec = PipelineSpec::builder("SELECT 1")
        .name("orders")
        .parallelism(NonZeroU32::MIN)
        .tag("team", "a")
        .intent(Intent::Resume(PipelineId::new("pl_1").unwrap()))
        .build()
        .unwrap();
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<PipelineSpec>(&text).unwrap(), spec);
}

#[test]
fn serde_cannot_make_a_spec_that_the_builder_refuses() {
    for bad in [
        r#"{"query": "SELECT 1", "name": ""}"#,
        r#"{"query": "SELECT 1", "parallelism": 0}"#,
        r#"{"query": "SELECT 1", "checkpoint_interval_micros": 10}"#,
        r#"{"query": "SELECT 1", "scheduler_config": 1}"#,
        r#"{"query": "SELECT 1", "paralelism": 2}"#,
    ] {
        assert!(serde_json::from_str::<PipelineSpec>(bad).is_err(), "{bad}");
    }
    let least: PipelineSpec = serde_json::from_str(r#"{"query": "SELECT 1"}"#).unwrap();
    assert_eq!(least, PipelineSpec::new("SELECT 1"));
    assert_eq!(least.name(), "query");
}

#[test]
fn debug_shows_no_query_and_no_environment() {
    let spec = PipelineSpec::builder("… 'password' = 'hunter2'")
        .environment("KEY", "hunter2")
        .build()
        .unwrap();
    assert!(!format!("{spec:?}").contains("hunter2"));
}

#[test]
fn what_is_found_by_its_id_has_one_that_is_known() {
    let by_id = |identity| {
        let builder = PipelineSpec::builder("SELECT 1").name("orders");
        builder.identity(identity).find_by(FindBy::Id).build()
    };
    for identity in [
        Identity::default(),
        Identity::Given(PipelineId::new("mine").unwrap()),
    ] {
        let spec = by_id(identity).unwrap();
        let text = serde_json::to_string(&spec).unwrap();
        assert!(text.contains(r#""find_by":"id""#), "{text}");
        assert_eq!(serde_json::from_str::<PipelineSpec>(&text).unwrap(), spec);
    }
    let refused = by_id(Identity::ServerAssigned).unwrap_err();
    assert!(
        matches!(&refused, SpecError::FindByUnknownId { name } if name == "orders"),
        "{refused}"
    );
    let bad = r#"{"query": "SELECT 1", "identity": "server_assigned", "find_by": "id"}"#;
    assert!(serde_json::from_str::<PipelineSpec>(bad).is_err());
}
