//! Diagnostics of queries with secrets in them.

use super::*;

impl Binary<'_> {
    /// Queries with errors in `WITH (…)`, on the engine and on a server that quotes them.
    pub(super) fn diagnostics(&self) {
        for (options, found) in [
            (
                "connector = 'impulse', event_rate = '10', 'password' = 'P'",
                "'P'",
            ),
            ("connector = 'impulse', 'password' 'P'", "'P'"),
            ("connector = 'impulse', password = 'P' 'x'", "'P'"),
            ("connector = 'impulse', password = 'x' 'P'", "'P'"),
            (
                "connector = 'impulse', password = 'it''s P' oops",
                "'it's P'",
            ),
            ("connector = 'impulse', password = f('P')", "P"),
            ("connector = 'impulse', password = \"P\"", "\"P\""),
            ("connector = 'impulse', password = 'P", "EOF"),
            ("connector = 'impulse' 'P'", "'P'"),
            (
                "connector = 'kafka', type = 'source', 'password' = 'P'",
                "'P'",
            ),
            ("password = 'P'", "'P'"),
        ] {
            let options = options.replace('P', PASSWORD);
            let found = found.replace('P', PASSWORD);
            let query = format!("CREATE TABLE t (a INT) WITH ({options});\nSELECT a FROM t;\n");
            let column = query.find(PASSWORD).unwrap() as u64;
            let file = self.directory.write("wrong.sql", query);
            let span = json!({"start": {"line": 1, "column": column}, "end": {"line": 1, "column": column + 4}});
            let server = Server::start_on(move |request| match request.path.as_str() {
                "/api/v1/ping" => failure::json(200, &json!("Pong")),
                _ => failure::json(
                    200,
                    &json!({"graph": null, "errors": [{
                        "message": format!("Expected: =, found: {found} in {}", query_of(&request.text)),
                        "span": span,
                    }]}),
                ),
            });
            for command in ["validate", "run"] {
                for output in OUTPUTS {
                    let here = self.command(&[command, "FILE"], output, &file);
                    let mut there = self.command(&[command, "FILE"], output, &file);
                    there.args(["--server", &server.url]);
                    for (place, command) in [("here", here), ("there", there)] {
                        let left = self.finish(&format!("{options:?} {place}"), command);
                        assert_eq!(left.code, Some(3), "{options}: {}", left.stderr);
                    }
                }
            }
        }
    }
}

/// The query in a request, as a server would quote it.
fn query_of(request: &str) -> String {
    let body = request.split("\r\n\r\n").nth(1).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    body["query"].as_str().unwrap_or_default().to_owned()
}
