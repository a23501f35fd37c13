//! The steps, in order.

pub(crate) mod attach;
pub(crate) mod connect;
mod discard;
mod look;
mod register;
mod resolve;
mod rows;
mod run;
mod stop;
pub(crate) mod validate;
pub(crate) mod wait;
mod watch;

pub use rows::{RowStream, Rows};
pub use run::{Finished, Outcome};
pub use watch::{Ended, Status};
