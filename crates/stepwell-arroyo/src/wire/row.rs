use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{JsonText, Pipeline, StopMode, pipeline::Hidden};
use crate::{JsonError, PipelineId};

/// A pipeline in a list, decoded without a copy. The fields needed to find a pipeline among 10,000 are decoded; the rest, above all the plan,
/// is skipped until [`to_pipeline`](Self::to_pipeline). `Debug` shows neither the query nor the functions.
#[derive(Deserialize)]
#[non_exhaustive]
pub struct PipelineRow<'a> {
    /// Its id.
    pub id: PipelineId,
    /// Its name, which need not be unique.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Its SQL.
    #[serde(borrow)]
    pub query: JsonText<'a>,
    /// When it was created, in microseconds of Unix time; on SQLite to the second.
    #[serde(alias = "createdAt")]
    pub created_at: u64,
    /// Whether it is a preview, which ends when its viewer leaves.
    #[serde(default)]
    pub preview: bool,
    #[serde(alias = "checkpointIntervalMicros", default)]
    checkpoint_interval_micros: u64,
    stop: StopMode,
    #[serde(default)]
    action: Option<StopMode>,
    #[serde(alias = "actionText", borrow, default)]
    action_text: Cow<'a, str>,
    #[serde(alias = "actionInProgress", default)]
    action_in_progress: bool,
    #[serde(borrow, default, deserialize_with = "skipped")]
    udfs: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "skipped")]
    graph: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "skipped")]
    state_url: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "skipped")]
    tags: Option<&'a RawValue>,
}

impl PipelineRow<'_> {
    /// Decodes the whole pipeline.
    ///
    /// # Errors
    ///
    /// Fails if a skipped field cannot be decoded.
    pub fn to_pipeline(&self) -> Result<Pipeline, JsonError> {
        Ok(Pipeline {
            id: self.id.clone(),
            name: self.name.clone().into_owned(),
            query: self.query.to_text().into_owned(),
            udfs: decode(self.udfs)?,
            checkpoint_interval_micros: self.checkpoint_interval_micros,
            stop: self.stop.clone(),
            created_at: self.created_at,
            action: self.action.clone(),
            action_text: self.action_text.clone().into_owned(),
            action_in_progress: self.action_in_progress,
            graph: decode(self.graph)?,
            preview: self.preview,
            state_url: decode(self.state_url)?,
            tags: decode(self.tags)?,
        })
    }
}

/// Skips a value, including `null`, which need not mean the same as a missing field.
fn skipped<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn decode<T: Default + DeserializeOwned>(value: Option<&RawValue>) -> Result<T, JsonError> {
    value.map_or_else(
        || Ok(T::default()),
        |value| serde_json::from_str(value.get()).map_err(|error| JsonError::new(&error)),
    )
}

impl fmt::Debug for PipelineRow<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PipelineRow")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("query", &Hidden(&self.query.to_text()))
            .field("created_at", &self.created_at)
            .field("preview", &self.preview)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PipelineGraph, PipelineNode, Udf};

    fn full() -> Pipeline {
        let mut pipeline =
            Pipeline::new(PipelineId::from_server("pl_1"), "a \"b\"", "SELECT\n1", 7);
        pipeline.udfs = vec![Udf::python("def f(): pass")];
        pipeline.graph = PipelineGraph::new(vec![PipelineNode::new(1, "a", "b", 3)], Vec::new());
        pipeline.state_url = Some("s3://é".to_owned());
        pipeline.tags.insert("team".to_owned(), "a".to_owned());
        pipeline.action = None;
        pipeline.preview = true;
        pipeline
    }

    #[test]
    fn the_whole_of_a_row_is_the_pipeline() {
        let pipeline = full();
        let json = serde_json::to_string(&pipeline).unwrap();
        let row: PipelineRow<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!(row.to_pipeline().unwrap(), pipeline);
        // The oldest spelling, with the least that a server shows.
        let json = r#"{"id":"pl_1","name":"a","query":"b","stop":"none","createdAt":7,"checkpointIntervalMicros":5,"actionText":"Stop",
            "actionInProgress":true,"more":{"a":[1]}}"#;
        let row: PipelineRow<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(
            row.to_pipeline().unwrap(),
            serde_json::from_str::<Pipeline>(json).unwrap()
        );
    }

    #[test]
    fn what_is_skipped_is_looked_at_when_it_is_asked_for() {
        let mut json = serde_json::to_value(full()).unwrap();
        json["graph"] = serde_json::json!(null);
        let json = json.to_string();
        let row: PipelineRow<'_> = serde_json::from_str(&json).unwrap();
        assert!(row.to_pipeline().is_err());
        assert!(serde_json::from_str::<Pipeline>(&json).is_err());
    }

    #[test]
    fn the_query_is_not_shown() {
        let json = serde_json::to_string(&full()).unwrap();
        let row: PipelineRow<'_> = serde_json::from_str(&json).unwrap();
        assert!(!format!("{row:?}").contains("SELECT"));
    }
}
