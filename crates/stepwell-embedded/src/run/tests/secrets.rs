//! Diagnostics and failures never contain the secrets of a query, however these are written.

use super::{IMPULSE, plan, program, run};

/// Secrets with a line feed, with two spaces, with both quotes, and longer than what is shown of a value.
fn secrets() -> [String; 5] {
    [
        "-----BEGIN KEY-----\nMIIEow\n-----END KEY-----".to_owned(),
        "correct  horse".to_owned(),
        "it''s \"quoted\" [\"here\"]".to_owned(),
        format!("eyJ{}", "abcdefghij".repeat(30)),
        format!("-----BEGIN KEY-----\n{}", "abcdefghij\n".repeat(30)),
    ]
}

/// The words of a secret, each of which reveals a part of it.
fn parts(secret: &str) -> impl Iterator<Item = String> {
    let words = secret.split(['\'', '"', '[', ']', ' ', '\n', '-']);
    let beginnings = words.map(|word| word.chars().take(12).collect::<String>());
    beginnings.filter(|word| word.len() > 3 && word != "BEGIN" && word != "quoted")
}

#[test]
fn no_diagnostic_shows_a_secret() {
    for secret in secrets() {
        for query in [
            // They cause a syntax error.
            "CREATE TABLE t (a INT) WITH (connector = 'kafka', private_key 'SECRET')",
            "CREATE TABLE t (a INT) WITH (connector = 'kafka' 'SECRET')",
            "CREATE TABLE t (a INT) WITH (password = 'a' 'SECRET', connector = 'kafka')",
            // They are in the place of another value.
            "CREATE TABLE t WITH (connector = 'token=SECRET')",
            "CREATE TABLE t WITH (connector = 'impulse', event_rate = 'https://SECRET@host/')",
            "CREATE TABLE t WITH (connector = 'impulse', event_rate = '1', type = 'token: \"SECRET\"')",
            "CREATE TABLE t (a INT) WITH (connector = 'single_file', path = 'a', type = 'x://u:SECRET@h')",
        ] {
            let is_one_word = !secret.contains([' ', '\n', '"', '\'']);
            let is_in_a_value =
                query.contains("=SECRET") || query.contains("SECRET@") || query.contains("token:");
            if is_in_a_value && !is_one_word {
                continue;
            }
            let query = query.replace("SECRET", &secret);
            let errors = plan(&query, 1).map(drop).expect_err(&query);
            for error in errors {
                let message = &error.message;
                for part in parts(&secret) {
                    assert!(!message.contains(&part), "{query}\n{message}");
                }
                assert!(message.contains("***"), "{query}\n{message}");
                assert!(error.span.is_some(), "{query}");
            }
        }
    }
}

/// The remainder of a secret that was cut within its first characters could not be recognised.
#[test]
fn secrets_are_hidden_before_a_value_is_cut() {
    let value = format!("{} x://user:correct-horse@host", "a".repeat(85));
    let error = plan(
        &format!("CREATE TABLE t WITH (connector = 'impulse', event_rate = '{value}')"),
        1,
    );
    let message = error.map(drop).unwrap_err().remove(0).message;
    assert!(message.ends_with("a x://***@host'"), "{message}");
}

/// Positions are found by the whole text that a message quotes.
#[test]
fn what_is_hidden_or_cut_keeps_its_place() {
    let long = "x".repeat(300);
    for (query, place) in [
        (format!("SELECT CAST('{long}' AS BIGINT) FROM impulse"), 13),
        (
            "SELECT CAST('token=hunter2' AS BIGINT) FROM impulse".to_owned(),
            13,
        ),
    ] {
        let error = plan(&format!("{IMPULSE}{query}"), 1)
            .map(drop)
            .unwrap_err()
            .remove(0);
        let start = error.span.unwrap().start;
        assert_eq!((start.line, start.column), (2, place), "{}", error.message);
        assert!(error.message.contains(['…', '*']), "{}", error.message);
    }
}

#[tokio::test(start_paused = true)]
async fn no_failure_shows_a_secret() {
    let long = format!("eyJ{}", "abcdefghij".repeat(30));
    for secret in ["correcthorse", &long] {
        // The longer one would be cut within the first characters of the secret.
        for before in ["a", &"a".repeat(80)] {
            let query = format!(
                "{IMPULSE}SELECT CAST(concat('https://{before}/?token={secret}&counter=', CAST(counter AS TEXT)) AS BIGINT) AS x FROM impulse"
            );
            let (_, end) = run(program(&query).execute(None).unwrap()).await;
            let error = end.unwrap_err().error;
            assert!(!error.contains(&secret[..5]), "{error}");
            assert!(error.contains("token=***&"), "{error}");
            assert!(error.chars().count() < 500, "{error}");
        }
    }
}
