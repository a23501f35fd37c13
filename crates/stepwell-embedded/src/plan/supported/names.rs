//! Names that this engine does not support, and the refusals of names.

use datafusion_sql::sqlparser::tokenizer::Span;
use stepwell_arroyo::SqlDiagnostic;

use super::refusal::{Construct, Feature, Refusal};
use crate::plan::diagnostic::planning_at;

/// Connectors that Arroyo has and this engine does not.
const CLUSTER_CONNECTORS: [&str; 21] = [
    "confluent",
    "delta",
    "filesystem",
    "fluvio",
    "iceberg",
    "kafka",
    "kinesis",
    "mqtt",
    "mysql",
    "nats",
    "nexmark",
    "polling_http",
    "postgres",
    "preview",
    "rabbitmq",
    "redis",
    "sse",
    "stomp",
    "udp",
    "webhook",
    "websocket",
];

/// Functions that Arroyo has and this engine does not. A name that ends in `_` is a prefix.
const CLUSTER_FUNCTIONS: [&str; 43] = [
    "array_",
    "blake",
    "cardinality",
    "cosine_distance",
    "cume_dist",
    "dense_rank",
    "digest",
    "element_at",
    "empty",
    "extract_json",
    "flatten",
    "generate_series",
    "get_first_json_object",
    "inner_product",
    "json_",
    "lag",
    "last_value",
    "lead",
    "list_",
    "make_array",
    "make_list",
    "make_map",
    "map",
    "map_",
    "md5",
    "multi_hash",
    "nth_value",
    "ntile",
    "parse_url",
    "percent_rank",
    "range",
    "rank",
    "row_number",
    "row_time",
    "serialize_json_union",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "string_to_array",
    "string_to_list",
    "unnest",
    "window",
];

/// Types that Arroyo has and this engine does not.
const CLUSTER_TYPES: [&str; 2] = ["JSON", "JSONB"];

/// Windows that Arroyo has besides tumbling ones.
pub(super) const OTHER_WINDOWS: [&str; 2] = ["hop", "session"];

/// Functions whose value depends on when or where they are called: a row would not be the same after a resume.
pub(in crate::plan) const IMPURE_FUNCTIONS: [&str; 7] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "today",
    "random",
    "uuid",
];

/// The refusal of a connector that this engine does not have.
pub(crate) fn refuse_connector(name: &str, at: Span) -> SqlDiagnostic {
    if CLUSTER_CONNECTORS.contains(&name) {
        Refusal::from(Feature::Connector(name.to_owned())).at(at)
    } else {
        planning_at(&format!("Unknown connector '{name}'"), at)
    }
}

/// The refusal of an option's value where the engine has one value only.
pub(crate) fn refuse_option_value(
    option: &str,
    found: &str,
    only: &'static str,
    at: Span,
) -> SqlDiagnostic {
    let (option, found) = (option.to_owned(), found.to_owned());
    Refusal::OptionValue {
        option,
        found,
        only,
    }
    .at(at)
}

/// The text of the refusal of a function, if Arroyo has it.
pub(in crate::plan) fn refuse_function(name: &str) -> Option<String> {
    is_cluster_function(name).then(|| Refusal::from(Feature::Function(name.to_owned())).to_string())
}

/// The text of the refusal of a type, if Arroyo has it.
pub(in crate::plan) fn refuse_type(name: &str) -> Option<String> {
    CLUSTER_TYPES
        .contains(&name)
        .then(|| Refusal::from(Feature::Type(name.to_owned())).to_string())
}

/// The text of the refusal of arrays.
pub(in crate::plan) fn refuse_array() -> String {
    Refusal::from(Feature::Array).to_string()
}

/// The text of the refusal of the type `ARRAY`.
pub(in crate::plan) fn refuse_array_type() -> String {
    Refusal::from(Feature::ArrayType).to_string()
}

/// The text of the refusal of a type that cannot be read from a file.
pub(in crate::plan) fn refuse_column_type(name: &str) -> String {
    Refusal::from(Construct::ColumnType(name.to_owned())).to_string()
}

/// The text of the refusal of an expression that the planner only names by its own types.
pub(in crate::plan) fn refuse_internal_expression() -> String {
    Refusal::from(Construct::InternalExpression).to_string()
}

/// The text of the refusal of user-defined functions.
pub(crate) fn refuse_user_defined_functions() -> String {
    Refusal::from(Feature::UserDefinedFunction).to_string()
}

fn is_cluster_function(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CLUSTER_FUNCTIONS
        .iter()
        .any(|other| match other.strip_suffix('_') {
            Some(_) => name.starts_with(other),
            None => name == *other,
        })
}

#[cfg(test)]
pub(crate) fn is_cluster_connector(name: &str) -> bool {
    CLUSTER_CONNECTORS.contains(&name)
}
