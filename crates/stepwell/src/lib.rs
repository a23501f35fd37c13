//! Submit a streaming-SQL pipeline to an [Arroyo] control plane, one typed step at a time.
//!
//! [Arroyo]: https://arroyo.dev
//!
//! ```text
//! Unconnected ─connect─▶ Connected ─validate─▶ Validated ─resolve─▶ Resolved<Resumed> │ Resolved<Created>
//!                                                                           └─register─▶ Registered
//!                                                                                           └─wait_until_running─▶ Running ─stop─▶ Stopped
//! ```
//!
//! A pipeline outlives the submission that made it, and the process too:
//!
//! | from | by | to |
//! |---|---|---|
//! | an id | [`attach`](Submission::attach) | Registered |
//! | Running | [`update`](Submission::update), [`into_registered`](Submission::into_registered) | Registered |
//! | Registered, Stopped | [`start`](Submission::<state::Stopped>::start) | Registered |
//! | Registered, Stopped | [`delete`](Submission::<state::Stopped>::delete) | – |
//! | Validated, and an old pipeline | [`replace`](Submission::replace), then the steps of a [`replacement`] | Running |
//!
//! [`AnySubmission`](state::AnySubmission) holds one in any state. [`Shutdown`] stops all pipelines at the end, or leaves them running.
//!
//! ```no_run
//! # #[cfg(feature = "hyper")] {
//! use stepwell::{HyperTransport, PipelineSpec, Submission};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = HyperTransport::builder("http://localhost:5115").build()?;
//! let running = Submission::new(transport, PipelineSpec::new("SELECT * FROM orders"))
//!     .connect().await?
//!     .validate().await?
//!     .resolve().await?
//!     .register()
//!     .wait_until_running().await?;
//! println!("{} runs: {:?}", running.id(), running.dashboard_url());
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! A step that is skipped does not compile, and the compiler names the missing one:
//!
//! ```compile_fail,E0599
//! # use stepwell::{Submission, state::Connected};
//! # async fn example(connected: Submission<Connected>) {
//! let resolution = connected.resolve().await;
//! # }
//! ```
//!
//! With the step it does:
//!
//! ```
//! # use stepwell::{Error, Submission, state::Connected};
//! # async fn example(connected: Submission<Connected>) -> Result<(), Error> {
//! let resolution = connected.validate().await?.resolve().await;
//! # drop(resolution);
//! # Ok(())
//! # }
//! ```
//!
//! # What the types prove, and what they do not
//!
//! The types prove the order of *our* calls. They do not prove the state of the server: a pipeline that was Running a moment ago may have
//! failed since, another client may have stopped it, and a create whose reply was lost may or may not have happened. If that cannot be
//! determined, the error says so ([`ResolveError::OutcomeUnknown`](error::ResolveError::OutcomeUnknown)).
//!
//! # Runtime
//!
//! All futures are `Send` and run on tokio. Requests that change something are sent in a task of their own and run to completion even if
//! their caller is dropped; the [`Shutdown`] tracks each of them from before it is sent.

mod attach;
mod attach_error;
mod chain;
mod change;
mod connect;
mod connect_error;
pub mod error;
mod job;
pub mod observe;
mod options;
pub mod replacement;
mod resolve;
mod rows;
mod session;
pub mod shutdown;
pub mod spec;
pub mod state;
mod submission;
mod validate;
mod validate_error;
mod words;

pub use stepwell_arroyo as arroyo;
pub use stepwell_arroyo::{JobState, PipelineId, StopMode};
#[cfg(feature = "hyper")]
pub use stepwell_hyper as hyper;
#[cfg(feature = "hyper")]
pub use stepwell_hyper::HyperTransport;
pub use stepwell_transport as transport;
pub use stepwell_transport::{SharedTransport, Transport};

pub use error::Error;
pub use options::Options;
pub use resolve::Resolution;
pub use shutdown::{OnShutdown, Shutdown, StopPolicy};
pub use spec::PipelineSpec;
pub use state::unconnected::Outcome;
pub use submission::{Submission, TransitionError};
