//! Shared by the tests of the client.
#![allow(unreachable_pub, reason = "it is part of tests")]

pub mod case;
