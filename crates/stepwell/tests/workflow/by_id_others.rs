//! Other pipelines on the server, found with as few requests as possible.

use serde_json::json;
use stepwell::{
    PipelineId, Shutdown,
    error::ResolveError,
    spec::FindBy,
    transport::{FakeTransport, SharedTransport, http::Method},
};

use crate::{
    by_id::{Look, builder, forced},
    support::*,
};

#[tokio::test(start_paused = true)]
async fn one_row_that_is_not_ours_is_enough_to_refuse() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, builder().build().unwrap()).await;
    let other = pipeline("sw_other", "SELECT 2").with("name", json!("first"));
    let twin = pipeline("pl_twin", &format!("{QUERY}\n"));
    for _ in 0..2 {
        fake.not_there(spec_id());
        fake.newest(10, &[other.clone(), twin.clone()], true);
    }
    let planned = validated.plan().await.unwrap_err();
    let (error, _) = resolve_error(validated.resolve().await);
    assert_eq!(planned.to_string(), error.to_string());
    let ResolveError::NoneWithId {
        newest,
        near: Some(near),
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((newest.len(), near.id.as_str()), (2, "pl_twin"));
    let text = error.to_string();
    for words in [&spec_id(), "\"first\" (sw_other)", "force"] {
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_server_may_choose_ids_only_the_list_refuses() {
    for there in [false, true] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, builder().build().unwrap()).await;
        let mut list = vec![pipeline("pl_other", "SELECT 2")];
        fake.not_there(spec_id());
        fake.newest(10, &list, true);
        if there {
            list.push(pipeline("pl_1", QUERY));
            fake.list(&list);
            fake.jobs("pl_1", job("Running"));
            let resumed = resumed(validated.resolve().await.unwrap());
            assert_eq!(resumed.id().as_str(), "pl_1");
        } else {
            fake.list(&list);
            let (error, _) = resolve_error(validated.resolve().await);
            assert!(
                matches!(error, ResolveError::OtherPipelines { .. }),
                "{error:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_any_needs_no_force() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, builder().build().unwrap()).await;
    fake.not_there(spec_id());
    let preview = pipeline("pl_preview", "SELECT 2").with("preview", json!(true));
    fake.newest(10, &[preview], false);
    fake.put(spec_id());
    let _ = created(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn it_is_read_on_while_all_are_ours() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    let of_shutdown = || options().under(&shutdown);
    let first = validated_with(
        transport.clone(),
        &fake,
        forced().build().unwrap(),
        of_shutdown(),
    );
    let first = first.await;
    fake.not_there(spec_id());
    fake.put(spec_id());
    let _ = created(first.resolve().await.unwrap()).register().detach();

    let ours = pipeline(spec_id(), QUERY);
    let other = pipeline("pl_other", "SELECT 3");
    for others in [false, true] {
        let spec = stepwell::PipelineSpec::builder("SELECT 2").find_by(FindBy::Id);
        let second = validated_with(
            transport.clone(),
            &fake,
            spec.build().unwrap(),
            of_shutdown(),
        );
        let second = second.await;
        let second_id = PipelineId::for_spec("", "query", "SELECT 2");
        let second_id = second_id.as_str();
        fake.not_there(second_id);
        fake.newest(10, std::slice::from_ref(&ours), true);
        if others {
            fake.newest(100, &[ours.clone(), other.clone()], false);
            let (error, _) = resolve_error(second.resolve().await);
            assert!(
                matches!(&error, ResolveError::NoneWithId { newest, near: None, .. } if newest.len() == 1),
                "{error:?}"
            );
        } else {
            fake.newest(100, std::slice::from_ref(&ours), false);
            fake.expect(Method::PUT, path(second_id)).reply_json(
                200,
                &pipeline(second_id, "SELECT 2").with("name", json!("query")),
            );
            let _ = created(second.resolve().await.unwrap());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_shows_among_the_newest_is_not_another() {
    // A lagging node did not know it.
    let fake = FakeTransport::new();
    let validated = validated(&fake, builder().build().unwrap()).await;
    let ours = pipeline(spec_id(), QUERY);
    fake.not_there(spec_id());
    fake.newest(10, std::slice::from_ref(&ours), true);
    fake.list(std::slice::from_ref(&ours));
    fake.jobs(spec_id(), job("Running"));
    let _ = resumed(validated.resolve().await.unwrap());
}
