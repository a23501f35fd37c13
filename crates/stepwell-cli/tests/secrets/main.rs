//! A token, a password in the SQL and a password in the address pass through everything and show up nowhere: in no log at TRACE, in no
//! `Debug` or `Display`, in no output of the binary, and, except for the query itself, in no file that it writes.

// The lint does not recognise shared test code.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod address;
mod binary;
mod failure;
mod flow;
mod limits;
mod shown;
#[path = "../support/mod.rs"]
mod support;
mod transport;
mod world;

use std::time::Duration;

use shown::{Log, Shown};

/// The token. Only its first half is searched for, because half a secret must not show up either.
pub(crate) const TOKEN: &str = "t0k3n-MARKED-6f1d";
/// The password in the options of a connector.
pub(crate) const PASSWORD: &str = "passw0rd-MARKED-93ab";
/// The password in the address.
pub(crate) const ADDRESS_PASSWORD: &str = "addr3ss-MARKED-c27e";

/// The secret in a function's code, the environment and the scheduler's configuration.
pub(crate) const CODE: &str = "c0de-MARKED-51aa";
pub(crate) const ENVIRONMENT: &str = "env1ron-MARKED-0b7d";
pub(crate) const SCHEDULER: &str = "sch3dule-MARKED-e802";

/// The texts to search for.
pub(crate) const MARKS: [&str; 6] = [
    "t0k3n-MARK",
    "passw0rd-MARK",
    "addr3ss-MARK",
    "c0de-MARK",
    "env1ron-MARK",
    "sch3dule-MARK",
];

pub(crate) fn query() -> String {
    format!(
        "CREATE TABLE orders (a INT) WITH (connector = 'kafka', 'password' = '{PASSWORD}');\nSELECT a FROM orders;\n"
    )
}

// A single test, because it captures the logs of the whole process.
#[test]
fn no_secret_is_shown_or_logged_anywhere() {
    let log = Log::listen();
    let shown = Shown::default();
    let runtime = |paused| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(paused)
            .build()
            .unwrap()
    };

    address::check(&shown);
    // The fake has a paused clock and no token; the sockets have the token and real time.
    runtime(true).block_on(flow::all(transport::Kind::Fake, &shown));
    let sent = runtime(false).block_on(flow::all(transport::Kind::Sockets, &shown));
    assert!(sent.contains(&format!("Bearer {TOKEN}")), "it was sent");
    for secret in [PASSWORD, CODE, ENVIRONMENT, SCHEDULER] {
        assert!(sent.contains(secret), "{secret} was sent");
    }
    runtime(false).block_on(limits::check());
    binary::check(&shown);

    // Shows that the search and the capture work.
    let lines = log.lines();
    assert!(lines.len() > 5_000, "{} lines", lines.len());
    for words in [
        "http.request.method=PUT",
        "http.response.status_code=500",
        "trying again",
        "step taken",
        "TRACE hyper_util",
        "url.path=\"/api/v1/pipelines/validate_query\"",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(words)),
            "{words} is not in the log"
        );
    }
    assert!(shown.count() > 5_000, "{} texts", shown.count());
    for line in lines {
        shown.see("the log", line);
    }
    shown.finish();
}

/// Anything that takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
