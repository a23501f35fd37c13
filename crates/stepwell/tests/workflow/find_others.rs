//! How the other pipelines on a server affect the decision.

use serde_json::json;
use stepwell::{
    PipelineSpec, Shutdown,
    error::ResolveError,
    observe::Difference,
    spec::{Identity, Intent},
    state::Plan,
    transport::{FakeTransport, SharedTransport, http::Method},
};

use crate::find::{among, builder, refusal};
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn other_pipelines_are_refused_and_named() {
    let others = [
        pipeline("pl_a", "SELECT 1").with("name", json!("first")),
        pipeline("pl_b", "SELECT 2").with("name", json!("second")),
    ];
    let error = refusal(builder(), &others, &[]).await;
    assert!(
        matches!(&error, ResolveError::OtherPipelines { others, near: None } if others.len() == 2),
        "{error:?}"
    );
    let text = error.to_string();
    for words in [
        "2 other pipelines",
        "\"first\" (pl_a)",
        "\"second\" (pl_b)",
        "force",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn force_creates_beside_others_and_the_plan_names_what_it_passes() {
    let others = [pipeline("pl_a", "SELECT 1")];
    let fake = FakeTransport::new();
    let validated = among(&fake, builder().force(true), &others).await;
    let Plan::Create {
        id: planned,
        forced_past,
        ..
    } = validated.plan().await.unwrap()
    else {
        panic!("no create is planned");
    };
    assert_eq!(planned, Some(id(&spec_id())));
    assert_eq!(forced_past.len(), 1);
    fake.list(&others);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let _ = created(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn pipelines_made_under_the_same_shutdown_are_not_others() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    let first = validated_with(transport.clone(), &fake, spec(), options().under(&shutdown)).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let _ = created(first.resolve().await.unwrap()).register().detach();

    let other = PipelineSpec::new("SELECT 2");
    let other_id = stepwell::PipelineId::for_spec("", "query", "SELECT 2");
    let second = validated_with(transport, &fake, other, options().under(&shutdown)).await;
    fake.list(&[pipeline(spec_id(), QUERY)]);
    fake.expect(Method::PUT, path(other_id.as_str()))
        .reply_json(
            200,
            &pipeline(other_id.as_str(), "SELECT 2").with("name", json!("query")),
        );
    let _ = created(second.resolve().await.unwrap());

    // Under another shutdown it counts as another pipeline.
    let third = validated(&fake, PipelineSpec::new("SELECT 3")).await;
    fake.list(&[pipeline(spec_id(), QUERY)]);
    let (error, _) = resolve_error(third.resolve().await);
    assert!(
        matches!(error, ResolveError::OtherPipelines { .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_near_match_is_named_and_not_taken() {
    for query in [format!("{QUERY}\n"), format!("\r\n{QUERY} ")] {
        let error = refusal(builder(), &[pipeline("pl_near", &query)], &[]).await;
        assert!(
            matches!(&error, ResolveError::OtherPipelines { near: Some(near), .. } if near.id.as_str() == "pl_near"),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("differs at most in line ends"),
            "{error}"
        );
        let error = refusal(
            builder().intent(Intent::ResumeOnly),
            &[pipeline("pl_near", &query)],
            &[],
        )
        .await;
        assert!(
            matches!(&error, ResolveError::NothingToResume { near: Some(near) } if near.id.as_str() == "pl_near"),
            "{error:?}"
        );
    }
}

/// A trailing newline would start a twin unnoticed.
#[tokio::test(start_paused = true)]
async fn a_near_match_that_force_creates_beside_is_told() {
    let there = [pipeline("pl_near", &format!("{QUERY}\n"))];
    let fake = FakeTransport::new();
    let validated = among(&fake, builder().force(true), &there).await;
    let Plan::Create {
        near: Some(near), ..
    } = validated.plan().await.unwrap()
    else {
        panic!("the plan does not name it");
    };
    assert_eq!(near.id.as_str(), "pl_near");
    fake.list(&there);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let created = created(validated.resolve().await.unwrap());
    let [difference @ Difference::NearMatch { existing }] = created.differences() else {
        panic!("{:?}", created.differences());
    };
    assert_eq!(*existing, near);
    assert!(difference.to_string().contains("pl_near"), "{difference}");
}

#[tokio::test(start_paused = true)]
async fn a_near_match_made_under_the_same_shutdown_is_told_too() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    let near = format!("{QUERY}\n");
    let first = PipelineSpec::builder(&near)
        .name("orders")
        .identity(Identity::Given(id("near")));
    let first = first.build().unwrap();
    let first = validated_with(transport.clone(), &fake, first, options().under(&shutdown)).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path("near"))
        .reply_json(200, &pipeline("near", &near));
    let _ = created(first.resolve().await.unwrap()).register();
    let second = validated_with(transport, &fake, spec(), options().under(&shutdown)).await;
    fake.list(&[pipeline("near", &near)]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let created = created(second.resolve().await.unwrap());
    assert!(
        matches!(created.differences(), [Difference::NearMatch { .. }]),
        "{:?}",
        created.differences()
    );
}
