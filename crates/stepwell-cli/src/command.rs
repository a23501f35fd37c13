//! The commands. Each has one file, which reads like its help text; what it needs besides is in a folder of its name.

pub(crate) mod completions;
pub(crate) mod list;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod validate;
