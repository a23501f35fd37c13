//! What the engine supports.
//!
//! This is the one gate: everything that the engine lacks is refused here, and only this module can make a [`Refusal`](refusal::Refusal).
//! What is refused by name is listed in [`names`]; what is refused by its shape is a variant of [`Feature`](refusal::Feature), if an
//! Arroyo cluster supports it, or of [`Construct`](refusal::Construct). Mistakes in a query, such as an unknown column, are reported
//! where they are found.

mod depth;
mod expression;
mod logical;
mod names;
mod query;
mod refusal;
mod size;
mod statement;

pub(super) use self::depth::too_deep;
pub(super) use self::expression::check_expression;
pub(super) use self::logical::{
    check_group_column, check_order_of_aggregate, check_planned_expression,
    refuse_aggregate_without_window, refuse_node,
};
#[cfg(test)]
pub(crate) use self::names::is_cluster_connector;
pub(super) use self::names::{
    IMPURE_FUNCTIONS, refuse_array, refuse_array_type, refuse_column_type, refuse_function,
    refuse_internal_expression, refuse_type,
};
pub(crate) use self::names::{
    refuse_connector, refuse_option_value, refuse_user_defined_functions,
};
pub(super) use self::query::check_query;
pub(super) use self::size::{Size, check_size, check_width};
pub(super) use self::statement::{
    check_statement, check_tokens, refuse_nesting, refuse_table_without_connector,
};
