//! Putting a changed query in the place of a running one: at most one of the two is meant to run at any time, and a rerun ends with exactly
//! one, whichever request is lost, refused, or the last one before the process is killed.

// The lint does not treat helpers shared by tests as test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attacks;
mod faults;
mod foreign_code;
mod shutdowns;
mod steps;
mod support;
mod table;
