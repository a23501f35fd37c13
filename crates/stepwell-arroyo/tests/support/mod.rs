//! What the tests of the client share.
#![allow(unreachable_pub, reason = "it is part of tests")]

pub mod case;
