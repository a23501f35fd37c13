//! The commands, one a file.

pub(crate) mod completions;
pub(crate) mod list;
#[cfg(feature = "embedded")]
pub(crate) mod local;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod validate;
