use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{id::IdText, pipeline_id::display, wire::text::deserialize_text};

/// The id of a job, as the server chose it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(IdText);

impl JobId {
    /// Takes an id from a server unchanged.
    pub fn from_server(text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self(text.as_str().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, |text| Self(text.into()))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self.as_str(), formatter)
    }
}
