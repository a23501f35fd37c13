use proptest::prelude::*;

use super::*;

#[test]
fn secrets_are_hidden_and_nothing_else() {
    let table = [
        ("WITH (password = 'secret')", "WITH (password = '******')"),
        (
            "with(\n password='x''y', b = 'z') SELECT 'shown'",
            "with(\n password='****', b = 'z') SELECT 'shown'",
        ),
        (
            "WITH (connector = 'kafka', topic = 'a')",
            "WITH (connector = 'kafka', topic = 'a')",
        ),
        (
            "WITH t AS (SELECT 'shown') SELECT 1",
            "WITH t AS (SELECT 'shown') SELECT 1",
        ),
        (
            "WITH /* 'c' */ (token = f('x'), b = 'y')",
            "WITH /* 'c' */ (token = **'*'*, b = 'y')",
        ),
        ("-- with (\nSELECT 'shown'", "-- with (\nSELECT 'shown'"),
        ("WITH (password = 'päron", "WITH (password = '*****"),
        ("WITH (a = 'päron", "WITH (a = '*****"),
        ("WITH (\"pwd\" = \"secret\")", "WITH (\"pwd\" = \"******\")"),
        (
            "WITH (password = hunter2, a = 5)",
            "WITH (password = *******, a = 5)",
        ),
        (
            "WITH (password = $$hunter2$$)",
            "WITH (password = ***********)",
        ),
        ("SELECT \"with (\" , 'shown'", "SELECT \"with (\" , 'shown'"),
        // Not written as an option.
        ("WITH ('password' 'x')", "WITH ('password' '*')"),
        (
            "WITH (connector = 'impulse' 'x')",
            "WITH (connector = '*******' '*')",
        ),
        (
            "WITH (connector = 'impulse' oops)",
            "WITH (connector = '*******' oops)",
        ),
        // A comma or a quote is missing.
        (
            "WITH (connector = 'impulse' event_rate = '1' 'a.token' = 'x')",
            "WITH (connector = 'impulse' event_rate = '1' 'a.token' = '*')",
        ),
        (
            "WITH (topic = 'abc, password = 'hunter2', x = '1')",
            "WITH (topic = '****************'*******'******'*'*",
        ),
        // Within other values.
        (
            "WITH (url = 'https://u:p@host/x', endpoint = 'http://host:1/?token=abc&x=1')",
            "WITH (url = 'https://***@host/x', endpoint = 'http://host:1/?token=***&x=1')",
        ),
        (
            "WITH (config = 'user=u password=p x=1', props = '{\"secret\": \"a b\", \"c\": 1}')",
            "WITH (config = 'user=u password=* x=1', props = '{\"secret\": *****, \"c\": 1}')",
        ),
        (
            "WITH (a = 'u:p@tcp(host)/db', b = 'me@host')",
            "WITH (a = '***@tcp(host)/db', b = 'me@host')",
        ),
        (
            "WITH (a = 'Authorization: Bearer x y')",
            "WITH (a = 'Authorization: **********')",
        ),
        (
            "-- password: hunter2\nSELECT 1",
            "-- password: *******\nSELECT 1",
        ),
        ("SELECT 'ftp://u:p@h' FROM t", "SELECT 'ftp://***@h' FROM t"),
    ];
    for (query, expected) in table {
        assert_eq!(mask_options(query), expected);
        assert_eq!(
            mask_options(query).chars().count(),
            query.chars().count(),
            "places stay"
        );
    }
}

#[test]
fn names_are_those_outside_of_secrets() {
    let query = "CREATE TABLE \"orders\" WITH ('topic' = 'topic', password = orders, token = 'x')";
    let found = names(query, &secrets(query));
    assert_eq!(
        found,
        [
            "CREATE", "TABLE", "orders", "WITH", "topic", "password", "token"
        ]
    );
}

const MARK: &str = "h8ntEr2mArKed";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// In every context and spelling.
    #[test]
    fn a_secret_is_never_shown(
        before in proptest::collection::vec(option(), 0..4),
        after in proptest::collection::vec(option(), 0..4),
        secret in secret(),
        separator in prop_oneof![Just(", "), Just(",\n  "), Just("\t,"), Just(", -- note\n"), Just(" ")],
        closes in any::<bool>(),
    ) {
        let mut options = before;
        options.push(secret);
        options.extend(after);
        let end = if closes { ");\nSELECT a FROM t" } else { "" };
        let query = format!("CREATE TABLE t (a INT) WITH ({}{end}", options.join(separator));
        let masked = mask_options(&query);
        prop_assert!(!masked.contains("h8nt") && !masked.contains("mArKed"), "{}", masked);
        prop_assert_eq!(masked.chars().count(), query.chars().count());
    }

    #[test]
    fn no_text_breaks_it(text in "[ -~\\n\u{e4}\u{1f350}'\"]{0,40}", mark in "(WITH \\(|password=|://|@|)") {
        let query = format!("{mark}{text}");
        prop_assert_eq!(mask_options(&query).chars().count(), query.chars().count());
    }
}

fn option() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("connector = 'kafka'".to_owned()),
        Just("'format' = \"json\"".to_owned()),
        Just("event_rate = 5".to_owned()),
        Just("topic = 'it''s'".to_owned()),
        Just("endpoint = 'http://host:80/a?b=c'".to_owned()),
        Just("nested = f('a', ('b'))".to_owned()),
        Just("'lonely'".to_owned()),
    ]
}

/// Options that contain the mark, each as a secret.
fn secret() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("password"),
        Just("'sasl.password'"),
        Just("PassWd"),
        Just("api_key"),
        Just("\"auth.token\""),
        Just("client_secret"),
        Just("tls.private"),
        Just("connection_string"),
        Just("headers"),
    ];
    let shape = prop_oneof![
        Just("NAME = 'MARK'"),
        Just("NAME='MARK'"),
        Just("NAME = \"MARK\""),
        Just("NAME = MARK"),
        Just("NAME = 'it''s MARK'"),
        Just("NAME = 'a' 'MARK'"),
        Just("NAME = f('MARK')"),
        Just("NAME 'MARK'"),
        Just("url = 'amqp://user:MARK@host/x'"),
        Just("url = 'http://MARK@host'"),
        Just("url = 'http://user:1/MARK?#@host'"),
        Just("props = 'user=a;password=MARK;x=1'"),
        Just("props = '{\"token\":\"MARK\"}'"),
        Just("props = 'Login required password=\"MARK\";'"),
        Just("topic = 'abc, password = 'MARK'"),
        Just("connector = 'kafka' 'MARK'"),
    ];
    (name, shape).prop_map(|(name, shape)| shape.replace("NAME", name).replace("MARK", MARK))
}
