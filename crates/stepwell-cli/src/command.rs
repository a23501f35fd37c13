//! The commands. Each has one file, which reads like its help text; its helpers are in the folder of the same name.

pub(crate) mod completions;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod replace;
pub(crate) mod restart;
pub(crate) mod run;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod update;
pub(crate) mod validate;
pub(crate) mod wait;
