//! The commands. Each has one file, which reads like its help text; its helpers are in the folder of the same name.

pub(crate) mod completions;
pub(crate) mod list;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod validate;
