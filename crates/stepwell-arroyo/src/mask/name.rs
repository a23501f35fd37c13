//! The names that mean secrets.

/// The parts of a name that mean a secret.
const SECRET: [&str; 24] = [
    "apikey",
    "auth",
    "bearer",
    "cert",
    "connectionstring",
    "connectionuri",
    "connectionurl",
    "connstr",
    "cookie",
    "credential",
    "dsn",
    "header",
    "jaas",
    "jwt",
    "key",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "private",
    "sasl",
    "secret",
    "signature",
    "token",
];

/// The words that mean a secret only as a whole.
const SECRET_WORDS: [&str; 9] = [
    "otp", "pass", "pin", "psk", "pw", "pwd", "salt", "sas", "sig",
];

/// The names that only look like those of secrets.
const HARMLESS: [&str; 25] = [
    "author",
    "authors",
    "foreignkey",
    "groupkey",
    "joinkey",
    "keyby",
    "keycolumn",
    "keycolumns",
    "keyfield",
    "keyfields",
    "keyformat",
    "keyname",
    "keyprefix",
    "keyspace",
    "keyspaces",
    "keytype",
    "messagekey",
    "partitionkey",
    "partitionkeys",
    "primarykey",
    "primarykeys",
    "recordkey",
    "routingkey",
    "shardkey",
    "sortkey",
];

/// Whether the value of an option with this name is a secret. If in doubt, it is.
pub(super) fn is_secret(name: &str) -> bool {
    let small = name.to_lowercase();
    let words = || small.split(|character: char| !character.is_alphanumeric());
    // The last part decides: `target.key_prefix` is a prefix.
    let last = small.rsplit('.').next().unwrap_or_default();
    let joined = |text: &str| {
        let characters = text.chars();
        characters
            .filter(|character| character.is_alphanumeric())
            .collect::<String>()
    };
    if HARMLESS.contains(&joined(last).as_str()) {
        let before = &small[..small.len() - last.len()];
        return !before.is_empty() && is_secret(before.trim_end_matches('.'));
    }
    let all = joined(&small);
    SECRET.iter().any(|secret| all.contains(secret))
        || words().any(|word| SECRET_WORDS.contains(&word))
        || small.contains("pwd")
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "password",
            "'PASSWORD'",
            "sasl.password",
            "db_passwd",
            "userPwd",
            "api_key",
            "apiKey",
            "key",
            "schema_registry.api_secret",
            "aws_secret_access_key",
            "accessKeyId",
            "auth.type",
            "token",
            "session-token",
            "credentials",
            "sasl.jaas.config",
            "ssl.private",
            "tls.cert",
            "ssl.key.passphrase",
            "dsn",
            "connection_string",
            "signature",
            "headers",
            "Authorization",
            "pass",
            "account.sas",
            "secret.key_prefix",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "",
            "connector",
            "topic",
            "path",
            "type",
            "format",
            "bootstrap_servers",
            "endpoint",
            "event_rate",
            "source.group_id",
            "primary_key",
            "key_field",
            "target.key_prefix",
            "keyspace",
            "passenger",
            "spinner",
            "author",
            "username",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
