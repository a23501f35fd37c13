//! Lines on standard error.

/// Writes a line to standard error. The reader may have gone, as in `2>&1 | head`; that is not a failure.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), $($text)*);
    }};
}

pub(crate) use say;
