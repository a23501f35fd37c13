//! Why a query is refused, as data and as text.

use std::fmt;

use datafusion_sql::sqlparser::tokenizer::Span;
use stepwell_arroyo::SqlDiagnostic;

use crate::plan::diagnostic::{planning, planning_at};

/// Something in a query that this engine does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// An Arroyo cluster supports it.
    ClusterOnly(Feature),
    /// Arroyo does not support it either, so the message does not point to a cluster.
    Nowhere(Construct),
    /// An option has another value than the only one that is supported.
    OptionValue {
        option: String,
        found: String,
        only: &'static str,
    },
    /// More operators and brackets around one another than `most`.
    TooDeep { most: usize },
    /// More than `most` queries that each read the one before.
    TooManyLevels { most: usize },
    /// More than `most` queries in all.
    TooManyQueries { most: usize },
    /// More than `most` columns and fields of structs in a row.
    TooManyFields { most: usize },
    /// Nested deeper than the parser recurses.
    TooNested { levels: usize },
}

/// What an Arroyo cluster supports and this engine does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    AggregateWithoutWindow,
    Array,
    ArrayType,
    Connector(String),
    CreateTableAs,
    Distinct,
    Function(String),
    GroupByVariant,
    Grouping,
    GroupingSets,
    /// A function whose value depends on when or where it is called.
    ImpureFunction(String),
    Join,
    Lateral,
    Map,
    MetadataFrom,
    Operator(String),
    OrderedAggregate,
    Over,
    PartitionedBy,
    Qualify,
    Set,
    SetOperation,
    Subquery,
    Subscript,
    TableFunction,
    TableWithoutConnector,
    Type(String),
    Unnest,
    UserDefinedFunction,
    ViewVariant,
    Window(String),
}

/// SQL that has no meaning in a stream, or that neither this engine nor Arroyo knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Construct {
    ColumnType(String),
    Expression(String),
    InternalExpression,
    IntervalField,
    Limit,
    Locks,
    NoFrom,
    NoSelect,
    OrderBy,
    PipeOperator,
    Pivot,
    Placeholder,
    PlanNode,
    RecursiveQuery,
    Sample,
    Statement,
    SubstringWithoutPosition,
    Top,
    Values,
    Variable,
    Wildcard { function: String },
}

impl Refusal {
    /// The diagnostic, at a known position.
    pub(super) fn at(&self, span: Span) -> SqlDiagnostic {
        planning_at(&self.to_string(), span)
    }

    /// The diagnostic without a position, which is looked up in the statement later.
    pub(super) fn unplaced(&self) -> SqlDiagnostic {
        planning(&self.to_string())
    }
}

impl From<Feature> for Refusal {
    fn from(feature: Feature) -> Self {
        Self::ClusterOnly(feature)
    }
}

impl From<Construct> for Refusal {
    fn from(construct: Construct) -> Self {
        Self::Nowhere(construct)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterOnly(feature) => write!(
                formatter,
                "the embedded engine does not support {feature}; an Arroyo cluster does (--server URL)"
            ),
            Self::Nowhere(construct) => construct.fmt(formatter),
            Self::OptionValue {
                option,
                found,
                only,
            } => write!(
                formatter,
                "option '{option}' is '{found}', and the embedded engine has only '{only}' there"
            ),
            Self::TooDeep { most } => write!(
                formatter,
                "the embedded engine cannot run more than {most} operators or brackets around one another; \
                 IN (…) takes a list of any length"
            ),
            Self::TooManyLevels { most } => write!(
                formatter,
                "the embedded engine cannot run more than {most} views and subqueries that each read the one before"
            ),
            Self::TooManyQueries { most } => write!(
                formatter,
                "the embedded engine cannot run more than {most} SELECTs together; those of a view count each time it is read"
            ),
            Self::TooManyFields { most } => write!(
                formatter,
                "the embedded engine cannot run a query whose rows have more than {most} columns and fields of structs"
            ),
            Self::TooNested { levels } => {
                write!(formatter, "the query is nested deeper than {levels} levels")
            }
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AggregateWithoutWindow => "aggregates without a tumbling window in GROUP BY",
            Self::Array => "arrays",
            Self::ArrayType => "the type ARRAY",
            Self::Connector(name) => return write!(formatter, "the connector '{name}'"),
            Self::CreateTableAs => "CREATE TABLE … AS",
            Self::Distinct => "DISTINCT",
            Self::Function(name) => return write!(formatter, "the function {name}()"),
            Self::GroupByVariant => "GROUP BY ALL and GROUP BY with modifiers",
            Self::Grouping => "grouping()",
            Self::GroupingSets => "GROUPING SETS, ROLLUP and CUBE",
            Self::ImpureFunction(name) => {
                return write!(formatter, "{name}(), which is not the same after a resume");
            }
            Self::Join => "joins",
            Self::Lateral => "LATERAL",
            Self::Map => "MAP values",
            Self::MetadataFrom => "METADATA FROM",
            Self::Operator(operator) => return write!(formatter, "the operator {operator}"),
            Self::OrderedAggregate => "ORDER BY in an aggregate",
            Self::Over => "OVER",
            Self::PartitionedBy => "PARTITIONED BY",
            Self::Qualify => "QUALIFY",
            Self::Set => "SET",
            Self::SetOperation => "UNION without ALL and other set operations",
            Self::Subquery => "subqueries outside of FROM",
            Self::Subscript => "subscripts of arrays",
            Self::TableFunction => "table functions",
            Self::TableWithoutConnector => "tables in memory, without a connector",
            Self::Type(name) => return write!(formatter, "the type {name}"),
            Self::Unnest => "UNNEST",
            Self::UserDefinedFunction => "user-defined functions",
            Self::ViewVariant => "views that are materialized or name their columns",
            Self::Window(name) => return write!(formatter, "{name}() windows"),
        })
    }
}

impl fmt::Display for Construct {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ColumnType(name) => {
                return write!(
                    formatter,
                    "a column of type {name} cannot be read from a file"
                );
            }
            Self::Expression(text) => {
                return write!(formatter, "`{text}` cannot be used in a query");
            }
            Self::InternalExpression => "this expression cannot be used",
            Self::IntervalField => "an interval is a number and a unit, as in interval '1 minute'",
            Self::Limit => "a stream has no end to limit: LIMIT, OFFSET and FETCH cannot be used",
            Self::Locks => "FOR cannot be used: a stream has no locks",
            Self::NoFrom => "there is no stream to read: the query has no FROM",
            Self::NoSelect => "only SELECT can be run",
            Self::OrderBy => "a stream has no end to sort: ORDER BY cannot be used",
            Self::PipeOperator => "the operator '|>' cannot be used",
            Self::Pivot => "PIVOT and UNPIVOT cannot be used",
            Self::Placeholder => "placeholders cannot be used in a query",
            Self::PlanNode => "a part of this query cannot be run",
            Self::RecursiveQuery => "recursive queries cannot be used",
            Self::Sample => "TABLESAMPLE cannot be used",
            Self::Statement => "only CREATE TABLE, CREATE VIEW, INSERT and SELECT can be run",
            Self::SubstringWithoutPosition => "substr() needs a position",
            Self::Top => "TOP, INTO and LATERAL VIEW cannot be used",
            Self::Values => "VALUES cannot be used: it is no stream",
            Self::Variable => "variables cannot be used in a query",
            Self::Wildcard { function } => {
                return write!(formatter, "{function}() cannot be given *; count() can");
            }
        })
    }
}
