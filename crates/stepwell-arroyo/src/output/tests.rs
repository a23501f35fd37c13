use std::time::Duration;

use http::Method;
use proptest::prelude::*;
use stepwell_transport::{FakeTransport, SharedTransport, TransportErrorKind};

use crate::{Client, ClientError, ClientErrorKind, JobId, JobOutput, PipelineId, RowBatch};

/// The body of recording `452_select_without_sink_output_sse`.
fn recording() -> String {
    let exchanges = include_str!("../../../../tests/contract/recordings/exchanges.jsonl");
    let line = exchanges
        .lines()
        .find(|line| line.contains("\"452_select_without_sink_output_sse\""))
        .unwrap();
    let exchange: serde_json::Value = serde_json::from_str(line).unwrap();
    exchange["response"]["body"].as_str().unwrap().to_owned()
}

const PATH: &str = "/api/v1/pipelines/pl_1/jobs/job_1/output";

async fn open(fake: &FakeTransport) -> Result<JobOutput, ClientError> {
    let client = Client::new(SharedTransport::new(fake.clone()));
    let (id, job) = (PipelineId::from_server("pl_1"), JobId::from_server("job_1"));
    client.output(&id, &job).await
}

async fn output_of(pieces: &[&[u8]]) -> JobOutput {
    let fake = FakeTransport::new();
    let mut expected =
        fake.expect(Method::GET, PATH)
            .reply_text(200, "text/event-stream; charset=utf-8", "");
    for piece in pieces {
        expected = expected.piece(piece.to_vec());
    }
    open(&fake).await.unwrap()
}

async fn all(output: &mut JobOutput) -> Result<Vec<RowBatch>, ClientError> {
    let mut batches = Vec::new();
    while let Some(batch) = output.next().await? {
        batches.push(batch);
    }
    Ok(batches)
}

/// An event with this text as its batch.
fn event(batch: &str) -> String {
    let event =
        serde_json::json!({"operator_id": "o", "subtask_idx": 3, "start_id": 1, "batch": batch});
    format!("data: {event}\n\n")
}

#[tokio::test]
async fn the_rows_of_the_recording_come_one_by_one() {
    let body = recording();
    let batches = all(&mut output_of(&[body.as_bytes()]).await).await.unwrap();
    assert!(batches.len() > 20, "{}", batches.len());
    for (batch, number) in batches.iter().zip(21..) {
        assert_eq!(
            (batch.operator_id.as_str(), batch.subtask, batch.start_id),
            ("sink_preview_4", 0, number)
        );
        let row = format!(r#"{{"counter":{number},"subtask_index":0}}"#);
        assert_eq!(batch.rows, [row]);
    }
}

proptest! {
    #[test]
    fn however_the_recording_is_cut_its_rows_are_the_same(
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let body = recording();
        let bytes = body.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (cut, whole) = runtime.block_on(async {
            (
                all(&mut output_of(&pieces).await).await.unwrap(),
                all(&mut output_of(&[bytes]).await).await.unwrap(),
            )
        });
        prop_assert!(cut == whole);
    }
}

#[tokio::test]
async fn a_row_stays_as_it_was_written_but_for_its_line_breaks() {
    let rows = r#"[{"a":18446744073709551615,"b":1.0,"c":1e2,"z":null,"a":"ü\u00fc\n"},{"x": {"y":[1, 2]}} ]"#;
    let broken = "[\n  {\n    \"a\": 0.10\r\n  },\n  2\n]";
    let text = event(rows) + &event(broken) + &event("[]");
    let batches = all(&mut output_of(&[text.as_bytes()]).await).await.unwrap();
    assert_eq!(
        batches[0].rows,
        [
            r#"{"a":18446744073709551615,"b":1.0,"c":1e2,"z":null,"a":"ü\u00fc\n"}"#,
            r#"{"x": {"y":[1, 2]}}"#
        ]
    );
    assert_eq!(batches[1].rows, ["{     \"a\": 0.10    }", "2"]);
    assert!(batches[2].rows.is_empty());
}

#[tokio::test]
async fn older_servers_write_the_fields_in_camel_case() {
    let text = "data: {\"operatorId\":\"o\",\"subtaskIdx\":1,\"startId\":2,\"batch\":\"[{}]\",\"done\":false}\n\n";
    let batches = all(&mut output_of(&[text.as_bytes()]).await).await.unwrap();
    assert_eq!((batches[0].subtask, batches[0].start_id), (1, 2));
}

#[tokio::test]
async fn an_event_that_is_too_large_names_its_limit_and_ends_the_output() {
    let text = event("[1]");
    let pieces = [text.as_bytes(), b"data: ", &[b'x'; 200], b"\n\n"];
    let mut output = output_of(&pieces).await.event_limit(100);
    assert_eq!(output.next().await.unwrap().unwrap().rows, ["1"]);
    let error = output.next().await.unwrap_err();
    assert!(matches!(
        error.kind(),
        ClientErrorKind::EventTooLarge { limit: 100 }
    ));
    assert!(error.to_string().contains("more than 100 bytes"), "{error}");
    assert!(output.next().await.unwrap().is_none());
}

#[tokio::test]
async fn no_error_and_no_debug_shows_a_row() {
    let broken = [
        event(r#"[{"a":"hunter2"}"#),
        event(r#""hunter2""#),
        event(r#"{"a":"hunter2"}"#),
        "data: hunter2\n\n".to_owned(),
        r#"data: {"start_id":"hunter2","batch":"[]"}"#.to_owned() + "\n\n",
        r#"data: {"hunter2":1}"#.to_owned() + "\n\n",
    ];
    for text in broken {
        let mut output = output_of(&[text.as_bytes()]).await;
        let error = output.next().await.unwrap_err();
        assert!(matches!(error.kind(), ClientErrorKind::Decode { .. }));
        let shown = format!("{error} {error:?} {:?}", error.kind());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let text = event(r#"[{"a":"hunter2"}]"#);
    let mut output = output_of(&[text.as_bytes()]).await;
    let batch = output.next().await.unwrap();
    let shown = format!("{batch:?} {output:?}");
    assert!(
        !shown.contains("hunter2") && shown.contains("rows: 1"),
        "{shown}"
    );
}

#[tokio::test]
async fn invalid_text_is_an_error_and_not_another_row() {
    let mut text = b"data: {\"start_id\":1,\"batch\":\"[\\\"".to_vec();
    text.extend(b"\xFF\\\"]\"}\n\n");
    let error = output_of(&[&text]).await.next().await.unwrap_err();
    assert!(matches!(error.kind(), ClientErrorKind::Decode { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_loses_no_row() {
    let fake = FakeTransport::new();
    let text = event("[1]") + &event("[2]");
    let (start, rest) = text.split_at(20);
    fake.expect(Method::GET, PATH)
        .reply_text(200, "text/event-stream", start.to_owned())
        .pause(Duration::from_secs(10))
        .piece(rest.to_owned())
        .break_off(TransportErrorKind::Closed);
    let mut output = open(&fake).await.unwrap();
    for _ in 0..3 {
        let short = tokio::time::timeout(Duration::from_secs(2), output.next());
        assert!(short.await.is_err());
    }
    assert_eq!(output.next().await.unwrap().unwrap().rows, ["1"]);
    assert_eq!(output.next().await.unwrap().unwrap().rows, ["2"]);
    let error = output.next().await.unwrap_err();
    assert_eq!(
        error.transport_error_kind(),
        Some(TransportErrorKind::Closed)
    );
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_refusal_has_the_words_of_the_server() {
    let fake = FakeTransport::new().at("http://host:5115");
    fake.expect(Method::GET, PATH).reply_json(
        400,
        &serde_json::json!({"error": "Job does not have a preview sink"}),
    );
    let error = open(&fake).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"could not read the rows of the pipeline "pl_1" at http://host:5115: the server answered 400 Bad Request: Job does not have a preview sink"#
    );
    let request = &fake.requests()[0];
    assert_eq!(request.headers["accept"], "text/event-stream");
}

#[tokio::test]
async fn a_web_page_is_no_stream_of_rows() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, PATH)
        .reply_text(200, "text/html", "<html>")
        .fall_silent();
    let error = open(&fake).await.unwrap_err();
    assert!(matches!(error.kind(), ClientErrorKind::NotArroyo { .. }));
}
