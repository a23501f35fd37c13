use serde::{Deserialize, Deserializer, Serialize};

/// The plan of a query, in a [`Pipeline`](crate::Pipeline) and in a [`Validation`](crate::Validation).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PipelineGraph {
    /// The operators.
    pub nodes: Vec<PipelineNode>,
    /// What flows between them.
    pub edges: Vec<PipelineEdge>,
}

/// An operator of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PipelineNode {
    /// Its id within the plan. A string before 0.13.
    #[serde(alias = "nodeId", deserialize_with = "number")]
    pub node_id: u32,
    /// What kind of operator it is.
    pub operator: String,
    /// What it does, for people.
    pub description: String,
    /// How many subtasks it has.
    pub parallelism: u32,
}

/// An edge of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PipelineEdge {
    /// The operator that it comes from.
    #[serde(alias = "srcId", deserialize_with = "number")]
    pub src_id: u32,
    /// The operator that it goes to.
    #[serde(alias = "destId", deserialize_with = "number")]
    pub dest_id: u32,
    /// The type of the key.
    #[serde(alias = "keyType", default)]
    pub key_type: String,
    /// The type of the value.
    #[serde(alias = "valueType", default)]
    pub value_type: String,
    /// How rows are dealt out, such as `Forward` or `Shuffle`.
    #[serde(alias = "edgeType", default)]
    pub edge_type: String,
}

impl PipelineGraph {
    /// A plan.
    pub fn new(nodes: Vec<PipelineNode>, edges: Vec<PipelineEdge>) -> Self {
        Self { nodes, edges }
    }

    /// The parallelism of the plan, that of its widest operator; `None` of an empty plan.
    pub fn parallelism(&self) -> Option<u32> {
        self.nodes.iter().map(|node| node.parallelism).max()
    }
}

impl PipelineNode {
    /// An operator.
    pub fn new(
        node_id: u32,
        operator: impl Into<String>,
        description: impl Into<String>,
        parallelism: u32,
    ) -> Self {
        Self {
            node_id,
            operator: operator.into(),
            description: description.into(),
            parallelism,
        }
    }
}

impl PipelineEdge {
    /// An edge on which rows stay in their subtask, as embedded plans have it.
    pub fn forward(src_id: u32, dest_id: u32) -> Self {
        Self::of_type("Forward", src_id, dest_id)
    }

    /// An edge on which rows go to the subtask of their key, as embedded plans have it.
    pub fn shuffle(src_id: u32, dest_id: u32) -> Self {
        Self::of_type("Shuffle", src_id, dest_id)
    }

    fn of_type(edge_type: &str, src_id: u32, dest_id: u32) -> Self {
        Self {
            src_id,
            dest_id,
            key_type: "()".to_owned(),
            value_type: "()".to_owned(),
            edge_type: edge_type.to_owned(),
        }
    }
}

/// A number, or a string that holds one.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
