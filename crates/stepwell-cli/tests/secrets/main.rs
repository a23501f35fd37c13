//! A token, a password in the SQL and a password in the address are driven through everything, and are found nowhere: in no log at
//! TRACE, in no `Debug` or `Display`, in nothing that the binary prints, and, but for the query itself, in nothing that it keeps.

// What tests share is no test to the lint.
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

/// The token. Its first half alone is looked for, as half a secret is one too.
pub(crate) const TOKEN: &str = "t0k3n-MARKED-6f1d";
/// The password in the options of a connector.
pub(crate) const PASSWORD: &str = "passw0rd-MARKED-93ab";
/// The password in the address.
pub(crate) const ADDRESS_PASSWORD: &str = "addr3ss-MARKED-c27e";

/// What is in a function's code, in the environment and in the scheduler's configuration.
pub(crate) const CODE: &str = "c0de-MARKED-51aa";
pub(crate) const ENVIRONMENT: &str = "env1ron-MARKED-0b7d";
pub(crate) const SCHEDULER: &str = "sch3dule-MARKED-e802";

/// What is looked for.
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

// One test, for all of its process is listened to.
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
    // The fake has no token, and a paused clock; the sockets have both the token and real time.
    runtime(true).block_on(flow::all(transport::Kind::Fake, &shown));
    let sent = runtime(false).block_on(flow::all(transport::Kind::Sockets, &shown));
    assert!(sent.contains(&format!("Bearer {TOKEN}")), "it was sent");
    for secret in [PASSWORD, CODE, ENVIRONMENT, SCHEDULER] {
        assert!(sent.contains(secret), "{secret} was sent");
    }
    runtime(false).block_on(limits::check());
    binary::check(&shown);

    // It can be believed only if it listened and looked.
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

/// Nothing here takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
