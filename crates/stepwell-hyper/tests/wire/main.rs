//! The bytes on the wire, and the outcome of every kind of reply.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../support/mod.rs"]
mod support;

mod deadlines;
mod replies;
mod requests;
