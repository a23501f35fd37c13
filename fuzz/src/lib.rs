//! What the targets share with the program that makes their first inputs.

mod call;
mod reply;

pub use call::{Call, ENVIRONMENT, PASSWORD, TOKEN, now};
pub use reply::{REPLIES, Reply};
