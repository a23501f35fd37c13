//! An error with its causes as one text.

use std::{error::Error, fmt};

/// Shows an error and all its causes on one line, each after a colon.
///
/// The message of an error does not repeat its causes, so that a reporter can show each of them as it likes. Where there is none, this is
/// what a log line wants:
///
/// ```
/// # use stepwell::{Chain, PipelineSpec, Submission, transport::NeverTransport};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// let unconnected = Submission::new(NeverTransport, PipelineSpec::new("SELECT 1"));
/// // Outside of a runtime nothing can be sent.
/// let error = futures_executor(unconnected.connect()).unwrap_err();
/// assert!(Chain(&error).to_string().starts_with("there is no tokio runtime"));
/// # fn futures_executor<T>(future: impl Future<Output = T>) -> T {
/// #     let mut future = std::pin::pin!(future);
/// #     match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
/// #         std::task::Poll::Ready(done) => done,
/// #         std::task::Poll::Pending => unreachable!(),
/// #     }
/// # }
/// ```
#[derive(Clone, Copy)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it wraps one error and nothing else"
)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(formatter, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, formatter)
    }
}
