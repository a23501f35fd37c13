//! Short queries that are refused, with the required message and position of each.

mod beyond;
mod queries;
mod syntax;
mod tables;

/// A query that is refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    query: &'static str,
    /// Texts that its diagnostic must contain.
    pub says: &'static [&'static str],
    /// The position of the diagnostic; 0 and 0 if it has none.
    pub line: u64,
    pub column: u64,
}

/// A source that counts, inserted for `$I`.
const IMPULSE: &str = "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');";
/// A source that reads a file, inserted for `$T`.
const TABLE: &str = "CREATE TABLE t (a BIGINT, b TEXT, ts TIMESTAMP) WITH (connector='single_file', path='a', type='source');";

/// Texts that the product's messages never contain, because they come from a library.
pub const FORBIDDEN: [&str; 33] = [
    "ParserError",
    "TokenizerError",
    "Error(",
    "DataFusion",
    "datafusion",
    "sqlparser",
    "SQL error",
    "Error during planning",
    "Schema error",
    "Arrow error",
    "Execution error",
    "Cast error",
    "Internal error",
    "External error",
    "This feature is not implemented",
    "Not yet implemented",
    "Optimizer rule",
    "type_coercion",
    "simplify_expressions",
    "bug report",
    "github.com",
    "Candidate functions",
    "_expressions",
    "feature",
    "sqltorel",
    "ExprPlanner",
    " at Line: ",
    "caused by",
    "Some(",
    "Ident {",
    "Utf8",
    "Int64",
    " { ",
];

/// The maximum length of a message, whatever the query.
pub const LONGEST: usize = 501;

const fn refused(
    query: &'static str,
    says: &'static [&'static str],
    line: u64,
    column: u64,
) -> Refused {
    Refused {
        query,
        says,
        line,
        column,
    }
}

/// All refused queries.
pub fn refused_queries() -> impl Iterator<Item = Refused> {
    let tables = [
        syntax::REFUSED,
        tables::REFUSED,
        queries::REFUSED,
        beyond::REFUSED,
    ];
    tables.into_iter().flatten().copied()
}

impl Refused {
    /// The query with its tables.
    pub fn sql(&self) -> String {
        self.query.replace("$I", IMPULSE).replace("$T", TABLE)
    }
}
