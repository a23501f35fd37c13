//! End-to-end tests; see `tests/`.

mod generation;

pub use generation::Generation;
