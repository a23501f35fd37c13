//! Each call of the client over a scripted transport: its success, and every way to fail.

#![allow(clippy::unwrap_used, reason = "it is a test")]

mod support;

use std::{num::NonZeroU32, time::Duration};

use http::{HeaderValue, Method, header};
use serde_json::json;
use stepwell_arroyo::{
    Client, ClientError, ClientErrorKind, Operation, PatchPipeline, Phase, RestartPipeline,
    TransportErrorKind, Udf,
};
use stepwell_transport::{FakeTransport, NeverTransport, SharedTransport};
use support::case::{cases, create, id, job, run};

#[tokio::test]
async fn each_call_succeeds_on_its_answer() {
    for case in cases() {
        run(&case, |expected| expected.reply_json(200, &case.reply))
            .await
            .unwrap();
        // 201 and 202 are accepted too.
        run(&case, |expected| expected.reply_json(201, &case.reply))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_refusal_is_one_for_each_call() {
    for case in cases() {
        for (status, retryable) in [
            (301, false),
            (400, false),
            (401, false),
            (403, false),
            (404, false),
            (405, false),
            (408, true),
            (409, false),
            (413, false),
            (415, false),
            (422, false),
            (429, true),
            (500, true),
            (502, true),
            (503, true),
            (504, true),
        ] {
            let error = run(&case, |expected| {
                expected.reply_json(status, &json!({"error": "no\u{7} way"}))
            })
            .await
            .unwrap_err();
            let ClientErrorKind::Rejected {
                message, from_api, ..
            } = error.kind()
            else {
                panic!("{error:?}");
            };
            if status == 301 {
                assert!(message.starts_with("it redirects"), "{message}");
            } else {
                assert_eq!((message.as_str(), from_api), ("no way", &true));
            }
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert_eq!(
                (error.is_retryable(), error.phase()),
                (retryable, Phase::Responded),
                "{error}"
            );

            // The body of a refusal may be anything.
            for (content_type, body) in [
                ("", ""),
                ("text/html", "<html>x</html>"),
                ("text/plain", "x"),
                ("application/json", "{"),
            ] {
                let error = run(&case, |expected| {
                    expected.reply_text(status, content_type, body)
                })
                .await
                .unwrap_err();
                assert_eq!(error.status().unwrap().as_u16(), status);
                assert_eq!(error.is_retryable(), retryable, "{error}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_of_something_else_is_no_success() {
    for case in cases() {
        let page = run(&case, |expected| {
            expected.reply_text(200, "text/html", "<!doctype html>")
        })
        .await
        .unwrap_err();
        assert!(
            matches!(page.kind(), ClientErrorKind::NotArroyo { .. }),
            "{page:?}"
        );
        assert!(!page.is_retryable() && page.phase() == Phase::Responded);

        let other = run(&case, |expected| {
            expected.reply_json(200, &json!({"status": "ok"}))
        })
        .await;
        let broken = run(&case, |expected| {
            expected.reply_text(200, "application/json", r#"{"id":"pl_1","#)
        })
        .await;
        let empty = run(&case, |expected| expected.reply(200, "")).await;
        match (case.operation, case.is_read) {
            (_, false) => drop((other.unwrap(), broken.unwrap())),
            (Operation::Ping, _) => {
                assert!(matches!(
                    other.unwrap_err().kind(),
                    ClientErrorKind::NotArroyo { .. }
                ));
                assert!(matches!(
                    broken.unwrap_err().kind(),
                    ClientErrorKind::NotArroyo { .. }
                ));
            }
            _ => {
                // A validation may have neither plan nor errors.
                if case.operation != Operation::Validate {
                    let other = other.unwrap_err();
                    assert!(
                        matches!(other.kind(), ClientErrorKind::Decode { .. }),
                        "{other:?}"
                    );
                    assert!(!other.is_retryable() && other.phase() == Phase::Responded);
                }
                let broken = broken.unwrap_err();
                assert!(
                    matches!(broken.kind(), ClientErrorKind::Decode { .. }),
                    "{broken:?}"
                );
                assert!(broken.is_retryable() && broken.phase() == Phase::Responded);
            }
        }
        if case.may_be_empty {
            empty.unwrap();
        } else if case.operation == Operation::Ping {
            assert!(matches!(
                empty.unwrap_err().kind(),
                ClientErrorKind::NotArroyo { .. }
            ));
        } else {
            let empty = empty.unwrap_err();
            assert!(
                matches!(empty.kind(), ClientErrorKind::EmptyReply { .. }),
                "{empty:?}"
            );
            assert_eq!(empty.phase(), Phase::Responded);
        }
    }
}

#[tokio::test]
async fn a_failure_of_the_transport_keeps_its_kind_and_phase() {
    use TransportErrorKind as K;
    for case in cases() {
        for (kind, phase, retryable) in [
            (K::Refused, Phase::NotSent, true),
            (K::Closed, Phase::MaybeSent, true),
            (K::TimedOut, Phase::Responded, true),
            (K::UnknownHost, Phase::NotSent, false),
            (K::Tls, Phase::NotSent, false),
            (K::BodyTooLarge, Phase::Responded, false),
        ] {
            // The whole list is read again with smaller pages.
            if kind == K::BodyTooLarge && case.path.ends_with("?limit=10000") {
                continue;
            }
            let error = run(&case, |expected| expected.fail(kind, phase))
                .await
                .unwrap_err();
            assert_eq!(error.transport_error_kind(), Some(kind));
            assert_eq!(
                (error.phase(), error.is_retryable()),
                (phase, retryable),
                "{error}"
            );
            assert!(error.status().is_none());
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_within_its_time() {
    for case in cases() {
        for (timeout, client) in [
            (
                Duration::from_secs(30),
                Client::new(SharedTransport::new(NeverTransport::default())),
            ),
            (
                Duration::from_secs(2),
                Client::new(SharedTransport::new(NeverTransport::default()))
                    .within(Duration::from_secs(2)),
            ),
        ] {
            let begun = tokio::time::Instant::now();
            let ended = tokio::time::timeout(timeout * 2, (case.call)(&client)).await;
            let error = ended.unwrap().unwrap_err();
            assert_eq!(
                error.transport_error_kind(),
                Some(TransportErrorKind::TimedOut)
            );
            assert_eq!(error.phase(), Phase::MaybeSent);
            let passed = begun.elapsed();
            assert!(
                passed >= timeout && passed < timeout + Duration::from_millis(10),
                "{passed:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_redirect_names_where_it_goes() {
    let fake = FakeTransport::new();
    fake.expect(Method::POST, "/api/v1/pipelines")
        .reply_text(301, "text/html", "<html>Moved Permanently</html>")
        .header(
            header::LOCATION,
            HeaderValue::from_static("https://host/api/v1/pipelines"),
        );
    let client = Client::new(SharedTransport::new(fake));
    let error = client.create(&create()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not create the pipeline \"orders\" at http://fake.test:5115: the server answered 301 Moved Permanently: \
         it redirects to https://host, which is not followed; give the address that it redirects to"
    );
}

/// The client can be used on a multi-threaded runtime.
#[test]
fn everything_can_be_sent_to_another_thread() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    const fn error<T: Send + Sync + std::error::Error + 'static>() {}
    fn sent<T: Send>(_: T) {}
    let client = Client::new(SharedTransport::new(NeverTransport::default()));
    shared(&client);
    shared(&client.clone());
    let (id, job, create) = (id(), job(), create());
    let (patch, restart) = (PatchPipeline::new(), RestartPipeline::new());
    let udfs: [Udf; 0] = [];
    sent(client.ping());
    sent(client.validate("", &udfs));
    sent(client.pipelines_page(NonZeroU32::MIN, Some(&id)));
    sent(client.all_pipelines());
    sent(client.pipeline(&id));
    sent(client.create(&create));
    sent(client.create_with_id(&id, &create));
    sent(client.make(Some(&id), &create));
    sent(client.patch(&id, &patch));
    sent(client.restart(&id, &restart));
    sent(client.delete(&id));
    sent(client.jobs(&id));
    sent(client.job(&id));
    sent(client.job_errors(&id, &job));
    sent(client.checkpoints(&id, &job));
    const {
        error::<ClientError>();
        error::<stepwell_arroyo::EndpointError>();
        error::<stepwell_arroyo::PipelineIdError>();
        assert!(size_of::<ClientError>() == size_of::<usize>());
        assert!(size_of::<stepwell_arroyo::EndpointError>() <= 4 * size_of::<usize>());
        assert!(size_of::<stepwell_arroyo::PipelineIdError>() <= 3 * size_of::<usize>());
    }
}
