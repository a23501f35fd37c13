//! Decoding JSON strings in place. serde's `String` and `Cow` copy them first.

use std::fmt;

use serde::{
    Deserializer,
    de::{Error, Visitor},
};

/// Decodes a string with `make`.
pub(crate) fn deserialize_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    make: impl FnOnce(&str) -> T,
) -> Result<T, D::Error> {
    struct DecodeWith<F>(F);

    impl<T, F: FnOnce(&str) -> T> Visitor<'_> for DecodeWith<F> {
        type Value = T;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            Ok((self.0)(text))
        }
    }

    deserializer.deserialize_str(DecodeWith(make))
}
