//! What is done to a pipeline that exists already: it is started, updated or deleted.

mod change_error;
pub(crate) mod delete;
pub(crate) mod look;
pub(crate) mod send;
pub(crate) mod start;
pub(crate) mod update;

pub use self::change_error::{Change, ChangeError};
