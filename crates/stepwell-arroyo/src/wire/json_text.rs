use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected},
};
use serde_json::value::RawValue;

/// A JSON string that is compared without decoding it into a copy. SQL has line breaks, which are escaped. `Debug` does not show the text.
#[derive(Clone)]
pub struct JsonText<'a>(Written<'a>);

#[derive(Clone)]
enum Written<'a> {
    Plain(&'a str),
    /// Only with escapes of two characters.
    Escaped(&'a str),
    /// With longer escapes, decoded.
    Decoded(String),
}

impl JsonText<'_> {
    /// The decoded text.
    pub fn to_text(&self) -> Cow<'_, str> {
        match &self.0 {
            Written::Plain(text) => Cow::Borrowed(text),
            Written::Escaped(escaped) => {
                let mut text = String::with_capacity(escaped.len());
                text.extend(Unescaped(escaped));
                Cow::Owned(text)
            }
            Written::Decoded(text) => Cow::Borrowed(text),
        }
    }
}

impl PartialEq<str> for JsonText<'_> {
    fn eq(&self, other: &str) -> bool {
        match &self.0 {
            Written::Plain(text) => *text == other,
            Written::Escaped(escaped) => {
                let mut pieces = Unescaped(escaped);
                let rest = pieces.try_fold(other, |rest, piece| rest.strip_prefix(piece));
                rest == Some("")
            }
            Written::Decoded(text) => text == other,
        }
    }
}

impl PartialEq<&str> for JsonText<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Debug for JsonText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JsonText")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        let inner = json
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let Some(inner) = inner else {
            return Err(D::Error::invalid_type(
                Unexpected::Other("something else"),
                &"a string",
            ));
        };
        Ok(Self(if !inner.contains('\\') {
            Written::Plain(inner)
        } else if !inner.contains("\\u") {
            Written::Escaped(inner)
        } else {
            // This also refuses half of a surrogate pair.
            Written::Decoded(serde_json::from_str(json).map_err(D::Error::custom)?)
        }))
    }
}

/// The decoded pieces of a text that only has escapes of two characters.
struct Unescaped<'a>(&'a str);

impl<'a> Iterator for Unescaped<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if let Some((escape, rest)) = self.0.strip_prefix('\\').and(self.0.split_at_checked(2)) {
            self.0 = rest;
            return Some(match escape {
                "\\n" => "\n",
                "\\t" => "\t",
                "\\r" => "\r",
                "\\b" => "\u{8}",
                "\\f" => "\u{c}",
                itself => itself.get(1..)?,
            });
        }
        let end = self.0.find('\\').unwrap_or(self.0.len());
        let (plain, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (!plain.is_empty()).then_some(plain)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_what_decoding_makes_of_it(
            text in r#"["\\\\/nt\n\t\r\u{8}\u{c}\u{1}u0é]{0,12}"#,
            other in r#"["\\\\/nt\n\t\r\u{8}\u{c}\u{1}u0é]{0,3}"#,
        ) {
            let json = serde_json::to_string(&text).unwrap();
            let read: JsonText<'_> = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&*read.to_text(), &*text);
            prop_assert!(read == *text);
            prop_assert_eq!(read == *other, text == other);
            let longer = text.clone() + "x";
            prop_assert!(read != *longer);
            let shorter = text.chars().next_back().map(|last| text.strip_suffix(last).unwrap());
            prop_assert!(shorter.is_none_or(|shorter| read != *shorter));
        }

        #[test]
        fn whatever_is_read_is_read_as_a_string_is(json in r#""?([a-z"]|\\[nt"/u]|\\u00e9|\\ud83d|\\ude00| ){0,6}"?"#) {
            let read = serde_json::from_str::<JsonText<'_>>(&json);
            match serde_json::from_str::<String>(&json) {
                Ok(text) => prop_assert!(read.unwrap() == *text),
                Err(_) => prop_assert!(read.is_err()),
            }
        }
    }

    #[test]
    fn only_a_string_is_a_text() {
        for json in ["null", "1", "[]", r#"{"a":"b"}"#] {
            assert!(serde_json::from_str::<JsonText<'_>>(json).is_err());
        }
    }
}
