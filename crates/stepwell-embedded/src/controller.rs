//! The controller: one thread that owns the control plane and the store, and handles one message after the other.
//!
//! It has a thread of its own because planning a query and committing to SQLite block. All messages that arrive while it is busy are
//! handled as one batch with one commit; replies and orders to workers are sent after the commit. If the commit fails, the replies of
//! its batch become errors, and the changes are tried again with the next batch: nothing is reported that is not durable.

mod core;
mod environment;
mod handle;
mod identifiers;
mod look;
mod record;
mod thread;
mod unsaved;
mod work;

pub(crate) use self::core::Core;
pub use self::core::ResumedPipeline;
pub(crate) use self::handle::{Controller, Order};
pub use self::look::{StateAtRest, StateLook};
pub(crate) use self::thread::ControllerThread;
