//! What must not come back: a server that refuses a request may repeat it, and its words are shown.

use std::borrow::Cow;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use stepwell_transport::Token;

use crate::{
    mask::{self, mask_options},
    printable,
};

/// What stands for a secret.
const HIDDEN: &str = "***";

/// Shorter texts are in many a word by chance, and hide nothing.
const SHORTEST: usize = 4;

/// The body of the request, beside its reply.
#[derive(Clone)]
pub(crate) struct Sent(pub(crate) Bytes);

/// The secrets of one request.
#[derive(Default)]
pub(crate) struct Secrets {
    token: Option<Token>,
    /// Longer ones first, for one may be in another.
    texts: Vec<String>,
}

/// Where the bodies of requests have secrets.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    query: String,
    env_vars: std::collections::BTreeMap<String, String>,
}

impl Secrets {
    /// Those of the request that got this reply: its token, if the transport tells it, and what its body has.
    pub(crate) fn of_reply(reply: &Response<Bytes>) -> Self {
        let extensions = reply.extensions();
        let sent = extensions.get::<Sent>();
        // Not every body has one of these; those that have can be read, for they were written here.
        let body: Body = sent
            .and_then(|Sent(body)| serde_json::from_slice(body).ok())
            .unwrap_or_default();
        let mut secrets = Self::of_query(&body.query);
        secrets.add(body.env_vars.into_values());
        secrets.token = extensions.get().cloned();
        secrets
    }

    /// Those of the query. A name in it may be spelled as a secret is, and stays: it says what an error is about.
    pub(crate) fn of_query(query: &str) -> Self {
        let mut secrets = Self::default();
        let places = mask::secrets(query);
        let names = mask::names(query, &places);
        for place in places {
            let text = &query[place];
            if !names.contains(&text) {
                secrets.add([
                    text.to_owned(),
                    text.replace("''", "'"),
                    text.trim_matches(['"', '\'']).to_owned(),
                ]);
            }
        }
        secrets
    }

    fn add(&mut self, texts: impl IntoIterator<Item = String>) {
        let texts = texts.into_iter();
        self.texts
            .extend(texts.filter(|text| text.chars().count() >= SHORTEST));
        self.texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// The text without them, and without what it quotes of any `WITH (…)`. Characters that are not shown are taken out too: without
    /// them, what stood around one may be a secret.
    pub(crate) fn hide(&self, text: &str) -> String {
        // As it was sent first: a secret may have such characters itself.
        let text = self.hide_as_it_is(text);
        match printable::plain(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(plain) => self.hide_as_it_is(&plain),
        }
    }

    fn hide_as_it_is(&self, text: &str) -> String {
        let mut text = mask_options(text);
        if let Some(token) = &self.token {
            text = token.hide_in(&text, HIDDEN);
        }
        for secret in &self.texts {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), HIDDEN);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_and_names_are_not() {
        let secrets = Secrets::of_query(
            "CREATE TABLE t WITH ('connector' = 'kafka', 'password' = 'it''s', topic = 'orders', n 'hunter2', token = 'topic',
             endpoint = 'http://u:abcd@host/?api_key=1234');",
        );
        let table = [
            ("unknown option 'password'", "unknown option 'password'"),
            ("no connector 'kafka'", "no connector 'kafka'"),
            ("found: 'hunter2' at Line: 1", "found: '***' at Line: 1"),
            ("it's, it''s", "***, ***"),
            ("no topic 'orders'", "no topic 'orders'"),
            (
                "http://u:abcd@host/?api_key=1234",
                "http://***@host/?api_key=***",
            ),
            // Of another query, as a server may tell it.
            (
                "could not plan WITH (pwd = 'x')",
                "could not plan WITH (pwd = '*')",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(secrets.hide(text), expected);
        }
    }

    /// Found by fuzzing: they were taken out after the secrets had been looked for.
    #[test]
    fn characters_that_are_not_shown_do_not_keep_a_secret_from_being_found() {
        let secrets = Secrets::of_query("WITH (token = 'hunter2', auth = 'one\u{7}two')");
        assert_eq!(secrets.hide("no hun\0\u{202E}ter2 here"), "no *** here");
        assert_eq!(secrets.hide("no one\u{7}two here"), "no *** here");
        assert_eq!(
            secrets.hide("WI\0TH (pass = 'secret')"),
            "WITH (pass = '******')"
        );
    }
}
