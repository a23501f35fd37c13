use std::{borrow::Cow, fmt, marker::PhantomData, sync::OnceLock};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// The plan of a query, in a [`Pipeline`](crate::Pipeline) and in a [`Validation`](crate::Validation).
///
/// A plan from a server is kept as it was written and parsed on first use: few callers use it, and it is most of the JSON of a pipeline. A plan
/// in an unknown form, from a future server, has no operators and equals an empty one. Its parallelism, and whether it has a preview, are
/// known as long as the operators have these fields.
#[derive(Clone, Default)]
pub struct PipelineGraph {
    /// As the server wrote it; `None` for a plan that was created here.
    json: Option<Box<RawValue>>,
    parts: OnceLock<Parts>,
}

/// A parsed plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Parts {
    nodes: Vec<PipelineNode>,
    edges: Vec<PipelineEdge>,
}

/// A plan of which only a summary of its operators is kept.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Summary<'de>"))]
struct Summarised<T> {
    #[serde(default, deserialize_with = "summarise")]
    nodes: T,
}

/// What is known of all operators of a plan together.
trait Summary<'de>: Default {
    type Node: Deserialize<'de>;
    fn add(&mut self, node: Self::Node);
}

/// The greatest parallelism.
#[derive(Default)]
struct Widest(Option<u32>);

#[derive(Deserialize)]
struct Width {
    /// It may be missing on a future server, which must not make a create fail.
    #[serde(default)]
    parallelism: Option<u32>,
}

impl Summary<'_> for Widest {
    type Node = Width;

    fn add(&mut self, Width { parallelism }: Width) {
        self.0 = self.0.max(parallelism);
    }
}

/// Whether one of the operators is a preview.
#[derive(Default)]
struct Preview(bool);

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    operator: Cow<'a, str>,
}

impl<'de> Summary<'de> for Preview {
    type Node = Name<'de>;

    fn add(&mut self, Name { operator }: Name<'de>) {
        self.0 |= is_preview(&operator);
    }
}

fn is_preview(operator: &str) -> bool {
    operator.contains("preview")
}

/// An operator of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PipelineNode {
    /// Its id within the plan. A string before 0.13.
    #[serde(alias = "nodeId", deserialize_with = "number")]
    pub node_id: u32,
    /// The kind of operator.
    pub operator: String,
    /// A description for people.
    pub description: String,
    /// The number of its subtasks.
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
    /// How rows are partitioned, such as `Forward` or `Shuffle`.
    #[serde(alias = "edgeType", default)]
    pub edge_type: String,
}

impl PipelineGraph {
    /// Creates a plan.
    pub fn new(nodes: Vec<PipelineNode>, edges: Vec<PipelineEdge>) -> Self {
        Self {
            json: None,
            parts: OnceLock::from(Parts { nodes, edges }),
        }
    }

    /// The operators.
    pub fn nodes(&self) -> &[PipelineNode] {
        &self.parts().nodes
    }

    /// The edges between the operators.
    pub fn edges(&self) -> &[PipelineEdge] {
        &self.parts().edges
    }

    /// Whether its rows can be read with [`Client::output`](crate::Client::output): the rows of a bare `SELECT` go to a preview (recording
    /// `451_create_select_without_sink`). A preview is recognised as servers do it, by the name of the operator.
    pub fn has_preview(&self) -> bool {
        match self.summarise::<Preview>() {
            Some(preview) => preview.0,
            None => self.nodes().iter().any(|node| is_preview(&node.operator)),
        }
    }

    /// The parallelism of the plan, which is the maximum of its operators; `None` for an empty plan.
    pub fn parallelism(&self) -> Option<u32> {
        match self.summarise::<Widest>() {
            Some(widest) => widest.0,
            None => self.nodes().iter().map(|node| node.parallelism).max(),
        }
    }

    /// Summarises the operators in the JSON; `None` if they are parsed already, or if the JSON cannot be read.
    fn summarise<'a, T: Summary<'a>>(&'a self) -> Option<T> {
        let json = self.json.as_deref()?;
        if self
            .parts
            .get()
            .is_some_and(|parts| !parts.nodes.is_empty())
        {
            return None;
        }
        let summarised: Summarised<T> = serde_json::from_str(json.get()).ok()?;
        Some(summarised.nodes)
    }

    /// The same plan with this parallelism for every operator.
    #[must_use]
    pub fn with_parallelism(&self, parallelism: u32) -> Self {
        let Parts { mut nodes, edges } = self.parts().clone();
        for node in &mut nodes {
            node.parallelism = parallelism;
        }
        Self::new(nodes, edges)
    }

    fn parts(&self) -> &Parts {
        self.parts.get_or_init(|| {
            let json = self.json.as_deref().map(RawValue::get);
            json.and_then(|json| serde_json::from_str(json).ok())
                .unwrap_or_default()
        })
    }
}

impl PartialEq for PipelineGraph {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for PipelineGraph {}

impl fmt::Debug for PipelineGraph {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PipelineGraph")
            .field("nodes", &self.nodes())
            .field("edges", &self.edges())
            .finish()
    }
}

impl Serialize for PipelineGraph {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PipelineGraph {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        if !json.get().starts_with('{') {
            return Err(de::Error::custom("a plan is an object"));
        }
        Ok(Self {
            json: Some(json),
            parts: OnceLock::new(),
        })
    }
}

impl PipelineNode {
    /// Creates an operator.
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
    /// Creates an edge on which rows stay in their subtask, as in embedded plans.
    pub fn forward(src_id: u32, dest_id: u32) -> Self {
        Self::of_type("Forward", src_id, dest_id)
    }

    /// Creates an edge on which rows go to the subtask of their key, as in embedded plans.
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

/// Summarises a list of operators while it is decoded.
fn summarise<'de, D: Deserializer<'de>, T: Summary<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Nodes<T>(PhantomData<T>);

    impl<'de, T: Summary<'de>> Visitor<'de> for Nodes<T> {
        type Value = T;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<T, A::Error> {
            let mut summary = T::default();
            while let Some(node) = nodes.next_element()? {
                summary.add(node);
            }
            Ok(summary)
        }
    }

    deserializer.deserialize_seq(Nodes(PhantomData))
}

/// Decodes only the parallelism of a plan.
pub(super) fn plan_parallelism<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    Summarised::<Widest>::deserialize(deserializer).map(|plan| plan.nodes.0)
}

/// Decodes a number, or a string that contains one.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    struct Either;

    impl Visitor<'_> for Either {
        type Value = u32;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a number, or a string that holds one")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u32, E> {
            u32::try_from(number).map_err(E::custom)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u32, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Either)
}

#[cfg(test)]
mod tests;
