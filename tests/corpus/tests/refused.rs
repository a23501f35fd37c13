//! The refusal of every refused query, through the API of an embedded engine: its message, its position, and no text of the underlying
//! libraries.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use corpus::{FORBIDDEN, LONGEST, queries, refused_queries};
use stepwell::{
    HyperTransport, Transport as _,
    arroyo::{Client, SqlDiagnostic},
};
use stepwell_embedded::Engine;

/// Starts an engine, and returns it with its client.
async fn engine(state: &std::path::Path) -> (Engine, Client) {
    let engine = Engine::builder(state).start().await.unwrap();
    let transport = HyperTransport::builder(engine.url()).build().unwrap();
    (engine, Client::new(transport.into_shared()))
}

fn place(diagnostic: &SqlDiagnostic) -> (u64, u64) {
    diagnostic
        .span
        .map_or((0, 0), |span| (span.start.line, span.start.column))
}

/// The forbidden texts in a diagnostic.
fn wrong_words(diagnostic: &SqlDiagnostic) -> Vec<String> {
    // The text as it was sent, because the client makes any server's text readable.
    let words = diagnostic.server_words();
    let mut wrong: Vec<_> = FORBIDDEN
        .iter()
        .filter(|words_of_a_library| words.contains(**words_of_a_library))
        .map(|found| format!("{found:?} in {words:?}"))
        .collect();
    if words != diagnostic.message {
        wrong.push(format!("not readable as it is: {words:?}"));
    }
    if words.chars().count() > LONGEST {
        wrong.push(format!("too long: {words:?}"));
    }
    wrong
}

#[tokio::test]
async fn every_refusal_has_its_words_and_its_place() {
    let state = tempfile::tempdir().unwrap();
    let (engine, client) = engine(state.path()).await;
    let mut wrong = Vec::new();
    let mut walked = 0;
    for refused in refused_queries() {
        let sql = refused.sql();
        let found = client.validate(&sql, &[]).await.unwrap().errors;
        walked += found.len();
        let is_said = |diagnostic: &SqlDiagnostic| {
            let says = |text: &&str| diagnostic.message.contains(*text);
            place(diagnostic) == (refused.line, refused.column) && refused.says.iter().all(says)
        };
        if !found.iter().any(is_said) {
            let found: Vec<_> = found
                .iter()
                .map(|found| (place(found), &found.message))
                .collect();
            wrong.push(format!("{refused:?}\n   is refused with {found:?}"));
        }
        wrong.extend(found.iter().flat_map(wrong_words));
    }
    let place = tempfile::tempdir().unwrap();
    for query in queries().iter().filter(|query| query.refusal().is_some()) {
        let found = client
            .validate(&query.sql(place.path()), &[])
            .await
            .unwrap()
            .errors;
        assert!(!found.is_empty(), "{}", query.name);
        walked += found.len();
        wrong.extend(found.iter().flat_map(wrong_words));
        let is_somewhere = |found: &SqlDiagnostic| found.span.is_some();
        if !found.iter().all(is_somewhere) {
            wrong.push(format!("{} has no place", query.name));
        }
    }
    engine.close().await.unwrap();
    println!("{walked} diagnostics walked");
    assert!(walked >= 150, "{walked}");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// A long value does not fill the message.
#[tokio::test]
async fn long_values_are_cut() {
    let state = tempfile::tempdir().unwrap();
    let (engine, client) = engine(state.path()).await;
    let long = "x".repeat(100_000);
    for query in [
        format!("$I SELECT CAST('{long}' AS BIGINT) FROM impulse"),
        format!("$I SELECT {long} FROM impulse"),
        format!("$I SELECT {long}(1) FROM impulse"),
        format!("$I SELECT counter FROM {long}"),
        format!("$I SELECT counter FROM impulse a {long}"),
        format!("CREATE TABLE t WITH (connector = '{long}')"),
        format!("CREATE TABLE t WITH (connector = 'impulse', event_rate = '{long}')"),
        format!("CREATE TABLE t WITH (connector = 'impulse', event_rate = '1', {long} = '1')"),
        format!("$I SELECT counter FROM impulse WHERE '{long}'"),
        format!("$I SELECT interval '{long}' FROM impulse"),
        format!(
            "$I SELECT counter FROM impulse WHERE coalesce({}1)",
            "counter, ".repeat(5_000)
        ),
    ] {
        let sql = query.replace(
            "$I",
            "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');\n",
        );
        let found = client.validate(&sql, &[]).await.unwrap().errors;
        let [found] = &found[..] else {
            panic!("{} for {}", found.len(), &query[..60]);
        };
        assert_eq!(wrong_words(found), [""; 0], "{}", &query[..60]);
        assert!(
            found.message.contains('…') && found.span.is_some(),
            "{found:?}"
        );
    }
    engine.close().await.unwrap();
}
