//! The transport contract of stepwell: one HTTP request in, one reply out, and a fake for tests.
