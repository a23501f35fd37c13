//! Removing the secrets of a request from the server's messages: a refusal may repeat the request, and it is shown.

mod spelling;

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use stepwell_transport::Token;

use self::spelling::{SHORTEST, Spelling};
use crate::{
    mask::{self, mask_options},
    printable,
};

/// Replaces a secret.
const HIDDEN: &str = "***";

/// The body of the request, in the extensions of its reply.
#[derive(Clone)]
pub(crate) struct SentBody(pub(crate) Bytes);

/// The secrets of one request.
#[derive(Default)]
pub(crate) struct Secrets {
    token: Option<Token>,
    texts: Vec<String>,
    /// The names in the query. One may equal the beginning of a secret.
    names: Vec<String>,
}

/// The fields of a request's body that may contain secrets.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    query: String,
    env_vars: std::collections::BTreeMap<String, String>,
}

/// Removes the secrets of the query from a message, as [`Client::validate`](crate::Client::validate) does from the server's: as they are in
/// the query, escaped, with other white space, or cut.
///
/// ```
/// let query = "CREATE TABLE t WITH (password = 'correct horse')";
/// let words = "unexpected 'correct\nhorse'";
/// assert_eq!(stepwell_arroyo::hide_secrets(query, words), "unexpected '***'");
/// ```
pub fn hide_secrets(query: &str, words: &str) -> String {
    Secrets::of_query(query).hide(words)
}

impl Secrets {
    /// The secrets of the request that got this reply: its token, if the transport provides it, and those in its body.
    pub(crate) fn of_reply(reply: &Response<Bytes>) -> Self {
        let extensions = reply.extensions();
        let sent = extensions.get::<SentBody>();
        // A body that does not parse has none of these fields, because bodies are written by this crate.
        let body: Body = sent
            .and_then(|SentBody(body)| serde_json::from_slice(body).ok())
            .unwrap_or_default();
        let mut secrets = Self::of_query(&body.query);
        secrets.add(body.env_vars.into_values());
        secrets.token = extensions.get().cloned();
        secrets
    }

    /// The secrets of the query. A text that is also a name in the query stays, because names say what an error is about.
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
        secrets.names = names.into_iter().map(str::to_owned).collect();
        secrets
    }

    fn add(&mut self, texts: impl IntoIterator<Item = String>) {
        let texts = texts.into_iter();
        self.texts
            .extend(texts.filter(|text| text.chars().count() >= SHORTEST));
        self.texts.sort_unstable();
        self.texts.dedup();
    }

    /// Removes the secrets from the text, and the secrets of any `WITH (…)` in it. Invisible characters are removed as well, because the text
    /// around one may be a secret.
    pub(crate) fn hide(&self, text: &str) -> String {
        // First with them, because a secret may contain such characters.
        let text = self.hide_as_it_is(text);
        match printable::plain(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(plain) => self.hide_as_it_is(&plain),
        }
    }

    fn hide_as_it_is(&self, text: &str) -> String {
        let mut text = self.without_texts(text);
        if let Some(token) = &self.token {
            text = token.hide_in(&text, HIDDEN);
        }
        mask_options(&text)
    }

    fn without_texts(&self, text: &str) -> String {
        let mut places: Vec<Range<usize>> = Vec::new();
        for secret in &self.texts {
            let found = text.match_indices(secret.as_str());
            places.extend(found.map(|(start, found)| start..start + found.len()));
        }
        if !self.texts.is_empty() {
            let spellings = [Some(Spelling::plain(text)), Spelling::unescaped(text)];
            for spelling in spellings.iter().flatten() {
                for secret in &self.texts {
                    spelling.find(secret, &self.names, &mut places);
                }
            }
        }
        places.sort_unstable_by_key(|place| (place.start, place.end));
        let mut shown = String::with_capacity(text.len());
        let mut done = 0;
        for place in places {
            if place.start >= done {
                shown.push_str(&text[done..place.start]);
                shown.push_str(HIDDEN);
            }
            done = done.max(place.end);
        }
        shown.push_str(&text[done..]);
        shown
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
            // Another query that the server quotes.
            (
                "could not plan WITH (pwd = 'x')",
                "could not plan WITH (pwd = '*')",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(secrets.hide(text), expected);
        }
    }

    #[test]
    fn a_secret_is_found_however_it_is_quoted() {
        let secrets = Secrets::of_query(
            "CREATE TABLE correct_horse (a INT) WITH (password = 'correct_horse_battery', token = ' two\n  \u{e4} \"lines\" ',
             key = 'C:\\new', auth = E'a\\nb c', pin = '     ');",
        );
        let table = [
            ("two \u{e4} \"lines\"!", "***!"),
            (r#"got "two\n\u{e4} \"lines\"", no"#, r#"got "***", no"#),
            (r"two\t\u00e4 'lines'", r"two\t\u00e4 'lines'"),
            (r#"two\t\u00e4\n\"lines\""#, "***"),
            (r"C:\new, C:\\new", "***, ***"),
            (r"a\nb c, a b  c", "***, ***"),
            ("correct_horse_bat…", "***…"),
            ("correct_horse_b... correct_horse_b", "***... ***"),
            ("'correct_horse_b' `correct_horse_b`", "'***' `***`"),
            // A different word, a name, and too short a beginning.
            ("correct_horse_bar, no", "correct_horse_bar, no"),
            ("'correct_horse'", "'correct_horse'"),
            ("'correct_hor'", "'correct_hor'"),
            ("no      pin", "no*** pin"),
            ("", ""),
            ("\\", "\\"),
            ("\\u{", "\\u{"),
            ("\\u{ffffffff}", "\\u{ffffffff}"),
        ];
        for (text, expected) in table {
            assert_eq!(secrets.hide(text), expected);
        }
    }

    /// Found by fuzzing: they were removed after the search for the secrets.
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
