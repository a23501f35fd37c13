use std::error::Error;

/// Any failure ends the program.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;
