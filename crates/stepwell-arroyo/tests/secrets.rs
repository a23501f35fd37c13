//! The query, code and environment are in no `Debug` and no diagnostic. `logs` tests the log and the errors.

#![allow(clippy::unwrap_used, reason = "it is a test")]

use http::Method;
use serde_json::json;
use stepwell_arroyo::{Client, Job, Page, Udf};
use stepwell_transport::{FakeTransport, SharedTransport};

use secret::{SECRET, create, pipeline};

#[path = "support/secret.rs"]
mod secret;

#[test]
fn debug_shows_no_secret_and_still_something() {
    let job = json!({"id": "job_1", "running_desired": true, "state": "Running", "created_at": 1,
        "env_vars": {"KEY": SECRET}, "scheduler_config": {"env": SECRET}});
    let job: Job = serde_json::from_value(job).unwrap();
    assert_eq!(job.env_vars["KEY"], SECRET);
    for (text, part) in [
        (format!("{:?}", create()), "orders"),
        (format!("{:#?}", pipeline()), "pl_1"),
        (
            format!("{:?}", Page::new(vec![pipeline()], false)),
            "has_more",
        ),
        (format!("{:?}", Udf::rust(SECRET)), "rust"),
        (format!("{job:?}"), "Running"),
    ] {
        assert!(!text.to_lowercase().contains(SECRET), "{text}");
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{text}");
    }
}

/// Secrets with a line feed, with two blanks, and with more than 100 characters, each as servers quote it: unchanged, as `Debug` writes it,
/// with its white space collapsed, or cut.
#[tokio::test]
async fn no_diagnostic_shows_a_secret_however_it_is_written() {
    let pem = format!("-----BEGIN KEY-----\n{}", "MIIEowIBAA\n".repeat(30));
    for secret in [
        "first verse\nsecond verse",
        "correct  horse",
        "ends in [\"a list\"]",
        &format!("eyJ{}", "abcdefghij".repeat(30)),
        &pem,
    ] {
        let query = format!("CREATE TABLE t WITH (private_key '{secret}')");
        let found = format!("Expected: =, found: '{secret}' at Line: 1, Column: 34");
        let on_one_line = found.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut words = vec![
            found.clone(),
            format!("SQL error: ParserError({found:?})"),
            format!("{on_one_line}\ncaused by\nparser"),
            on_one_line,
        ];
        if secret.len() > 100 {
            let cut: String = secret.chars().take(100).collect();
            for end in ["…", "...", "…'", "'"] {
                words.push(format!("Expected: =, found: '{cut}{end}"));
                let cut = cut.split_whitespace().collect::<Vec<_>>().join(" ");
                words.push(format!("Expected: =, found: '{cut}{end}"));
            }
        }
        for words in words {
            for error in [json!(words), json!({"message": words})] {
                let fake = FakeTransport::new();
                fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
                    .reply_json(200, &json!({"graph": null, "errors": [error]}));
                let client = Client::new(SharedTransport::new(fake));
                let error = client.validate(&query, &[]).await.unwrap().errors.remove(0);
                for shown in [
                    error.message.as_str(),
                    error.server_words(),
                    &json!(error).to_string(),
                    &format!("{error:?}"),
                ] {
                    for part in ["verse", "horse", "ends in", "list", "eyJ", "MII"] {
                        assert!(!shown.contains(part), "{shown}");
                    }
                    assert!(shown.contains("found: '***"), "{shown}");
                }
                if words.contains("Column: 34") && !words.contains("caused by") {
                    let span = error.span.unwrap();
                    assert_eq!((span.start.line, span.start.column), (1, 34));
                }
            }
        }
    }
}
