use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use snafu::{Snafu, ensure};

use crate::{id::IdText, printable, wire::text::deserialize_text};

/// The id of a pipeline.
///
/// An id chosen by a client has 1 to 64 of the characters `A`–`Z`, `a`–`z`, `0`–`9`, `_` and `-`. An id from a server is kept unchanged,
/// whatever it contains, and percent-encoded in paths. Cheap to clone.
///
/// ```
/// use stepwell_arroyo::PipelineId;
///
/// let id = PipelineId::new("orders-by-hour")?;
/// assert_eq!(id.as_str(), "orders-by-hour");
/// assert!(PipelineId::new("orders/by hour").is_err());
/// # Ok::<(), stepwell_arroyo::PipelineIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipelineId(IdText);

/// The text is not a valid id for a client to choose.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(display("{text:?} cannot be the id of a pipeline; use 1 to 64 letters, digits, _ and -"))]
pub struct PipelineIdError {
    /// The text, cut at 100 characters.
    text: String,
}

impl PipelineId {
    /// The version of the encoding that [`for_spec`](Self::for_spec) hashes. It must never change, because the ids of running pipelines
    /// depend on it.
    const FORMAT: &'static [u8] = b"stepwell pipeline id 1";

    /// Creates an id to choose for a pipeline.
    ///
    /// # Errors
    ///
    /// Fails if the text is not 1 to 64 of the allowed characters.
    pub fn new(text: impl Into<String>) -> Result<Self, PipelineIdError> {
        let text = text.into();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        ensure!(
            (1..=64).contains(&text.len()) && text.bytes().all(plain),
            PipelineIdSnafu {
                text: printable::line(&text, 100)
            }
        );
        Ok(Self(text.as_str().into()))
    }

    /// Takes an id from a server unchanged.
    pub fn from_server(text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self(text.as_str().into())
    }

    /// Derives the id of a spec: a hash of the namespace, the name and the exact query. Everything else can change without changing the id,
    /// such as the parallelism, the tags and the environment.
    ///
    /// The id is the same in every version of stepwell.
    ///
    /// ```
    /// use stepwell_arroyo::PipelineId;
    ///
    /// let id = PipelineId::for_spec("", "query", "SELECT 1");
    /// assert_eq!(id, PipelineId::for_spec("", "query", "SELECT 1"));
    /// assert_ne!(id, PipelineId::for_spec("", "query", "SELECT 1\n"));
    /// ```
    pub fn for_spec(namespace: &str, name: &str, query: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(Self::FORMAT);
        for part in [namespace, name, query] {
            // The length comes first, so that no two specs have the same bytes.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut text = String::with_capacity(43);
        text.push_str("sw_");
        for byte in digest.iter().take(20) {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        Self(text.as_str().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Serialize for PipelineId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PipelineId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, |text| Self(text.into()))
    }
}

impl FromStr for PipelineId {
    type Err = PipelineIdError;

    fn from_str(text: &str) -> Result<Self, PipelineIdError> {
        Self::new(text)
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self.as_str(), formatter)
    }
}

/// Escapes control characters, because an id from a server may contain anything.
pub(crate) fn display(text: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    if text.chars().any(char::is_control) {
        write!(formatter, "{}", text.escape_debug())
    } else {
        formatter.write_str(text)
    }
}

#[cfg(test)]
mod tests;
