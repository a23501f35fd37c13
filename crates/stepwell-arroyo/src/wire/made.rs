use std::collections::BTreeMap;

use serde::Deserialize;

use super::{JsonText, Pipeline, StopMode, Udf, graph::plan_parallelism};
use crate::PipelineId;

/// The part of the reply to a create that can be compared with the request. A [`Pipeline`] also has the query, which the caller has already,
/// and the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Made {
    /// Its id.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
    /// Its user-defined functions.
    pub udfs: Vec<Udf>,
    /// The time between two checkpoints.
    pub checkpoint_interval_micros: u64,
    /// The parallelism of its plan: see [`PipelineGraph::parallelism`](crate::PipelineGraph::parallelism).
    pub parallelism: Option<u32>,
    /// Its tags. `None` means a server up to 0.15, which has no tags (recording `105_create_same_query_again` of 0.15.0), and also ignores
    /// the environment and the scheduler's configuration.
    pub tags: Option<BTreeMap<String, String>>,
}

/// A pipeline whose plan has a known form.
#[derive(Deserialize)]
struct Known<'a> {
    id: PipelineId,
    name: String,
    #[serde(borrow)]
    query: JsonText<'a>,
    #[serde(default)]
    udfs: Vec<Udf>,
    #[serde(alias = "checkpointIntervalMicros", default)]
    checkpoint_interval_micros: u64,
    #[serde(rename = "stop")]
    _stop: StopMode,
    #[serde(rename = "created_at", alias = "createdAt")]
    _created_at: u64,
    #[serde(default, deserialize_with = "plan_parallelism")]
    graph: Option<u32>,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
}

impl Made {
    /// Decodes it, in a single pass if the plan has a known form. Also returns whether it has this query.
    pub(crate) fn from_json(json: &str, query: &str) -> Result<(Self, bool), serde_json::Error> {
        if let Ok(known) = serde_json::from_str::<Known<'_>>(json) {
            let has_query = known.query == *query;
            return Ok((Self::from(known), has_query));
        }
        // The plan may have an unknown form.
        let pipeline: Pipeline = serde_json::from_str(json)?;
        let has_query = pipeline.query == query;
        Ok((Self::from(pipeline), has_query))
    }
}

impl From<Known<'_>> for Made {
    fn from(known: Known<'_>) -> Self {
        Self {
            id: known.id,
            name: known.name,
            udfs: known.udfs,
            checkpoint_interval_micros: known.checkpoint_interval_micros,
            parallelism: known.graph,
            tags: known.tags,
        }
    }
}

impl From<Pipeline> for Made {
    fn from(pipeline: Pipeline) -> Self {
        Self {
            parallelism: pipeline.graph.parallelism(),
            id: pipeline.id,
            name: pipeline.name,
            udfs: pipeline.udfs,
            checkpoint_interval_micros: pipeline.checkpoint_interval_micros,
            tags: Some(pipeline.tags),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{PipelineGraph, PipelineNode};

    fn made() -> Value {
        let mut pipeline = Pipeline::new(PipelineId::from_server("pl_1"), "a", "b\n", 7);
        let node = |id, parallelism| PipelineNode::new(id, "a", "b", parallelism);
        pipeline.graph = PipelineGraph::new(vec![node(1, 2), node(2, 3), node(3, 1)], Vec::new());
        pipeline.udfs = vec![Udf::rust("fn f() {}")];
        pipeline.tags.insert("team".to_owned(), "a".to_owned());
        serde_json::to_value(pipeline).unwrap()
    }

    #[test]
    fn it_is_as_much_of_the_pipeline() {
        let graphs = [
            made()["graph"].clone(),
            json!({"nodes": [], "edges": []}),
            // Not known how it is written.
            json!({"operators": 5}),
            json!({"nodes": [{"width": 1}], "edges": []}),
            json!({"nodes": 5}),
        ];
        for (graph, parallelism) in graphs.into_iter().zip([Some(3), None, None, None, None]) {
            let mut json = made();
            json["graph"] = graph;
            let json = json.to_string();
            let (made, has_query) = Made::from_json(&json, "b\n").unwrap();
            assert!(has_query && !Made::from_json(&json, "b").unwrap().1);
            assert_eq!(made.parallelism, parallelism);
            assert_eq!(
                made,
                Made::from(serde_json::from_str::<Pipeline>(&json).unwrap())
            );
        }
    }

    #[test]
    fn what_is_not_a_pipeline_is_none() {
        for field in ["id", "name", "query", "stop", "created_at", "graph"] {
            let mut json = made();
            json[field] = json!(null);
            assert!(
                Made::from_json(&json.to_string(), "b\n").is_err(),
                "{field}"
            );
            json.as_object_mut().unwrap().remove(field);
            assert_eq!(
                Made::from_json(&json.to_string(), "b\n").is_ok(),
                field == "graph"
            );
        }
    }
}
