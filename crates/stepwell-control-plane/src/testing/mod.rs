//! A control plane for tests: [`Server`] is a [`Transport`](stepwell_transport::Transport) that answers from the model, with workers that
//! carry out its commands.
//!
//! It tests code that deploys pipelines as a whole, without a server and without a socket: it behaves as a real server does unless the test
//! says otherwise. For a test of single requests and their replies, the `FakeTransport` of `stepwell-transport`, which follows a script, is
//! the better choice.
//!
//! # An orchestrator's own test
//!
//! ```
//! use std::{error::Error, time::Duration};
//! use stepwell::{JobState, Outcome, PipelineSpec, SharedTransport, Shutdown, StopPolicy, Submission, Transport as _, state::Running};
//! use stepwell_control_plane::testing::{Failure, Server};
//!
//! // The code under test.
//! async fn deploy(server: &SharedTransport, shutdown: &Shutdown, table: &str) -> Result<Submission<Running>, Box<dyn Error>> {
//!     let spec = PipelineSpec::builder(format!("INSERT INTO archive SELECT * FROM {table}")).name(table).build()?;
//!     match Submission::builder(server.clone(), spec).shutdown(shutdown).build().run().await? {
//!         Outcome::Running(running) => Ok(running),
//!         other => Err(format!("{table} does not run: {other:?}").into()),
//!     }
//! }
//!
//! // The test. With a paused clock it takes no time, however long it waits.
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! let server = Server::new();
//! let (transport, shutdown) = (server.clone().into_shared(), Shutdown::new());
//! let orders = deploy(&transport, &shutdown, "orders").await?;
//! let clicks = deploy(&transport, &shutdown, "clicks").await?;
//!
//! server.fail(clicks.id(), Failure::new("no such topic"));
//! let ended = clicks.ended().await?;
//! assert_eq!(ended.job.state, JobState::Failed);
//! assert!(ended.into_error().to_string().contains("no such topic"));
//!
//! tokio::time::sleep(Duration::from_secs(60)).await;
//! shutdown.stop_all(StopPolicy::default()).await?;
//! let [orders, clicks] = [orders.id(), clicks.id()].map(|id| server.pipeline(id).unwrap());
//! assert_eq!((orders.state, orders.final_checkpoints), (JobState::Stopped, 1));
//! assert_eq!((clicks.state, clicks.final_checkpoints), (JobState::Failed, 0));
//! # Ok(())
//! # }
//! ```
//!
//! # Time and randomness
//!
//! A server follows tokio's clock, paused or not, from its first use on. It has no tasks and no threads: each use first processes what has
//! become due since the last one, in order and at the time at which it was due. Nothing is left behind when it is dropped, and it can be
//! created outside a runtime. Requests need a runtime, unless their [latency](ServerBuilder::latency) is zero.
//!
//! A server is deterministic; with a [seed](ServerBuilder::seed), pauses and ids are drawn from it.
//!
//! # Parts
//!
//! A test with its own server around a [`ControlPlane`](crate::ControlPlane) can use the parts: [`Workers`] turns a
//! [`Command`](crate::Command) into [`WorkerEvent`](crate::WorkerEvent)s, and [`TestEnvironment`] has the clock, the ids and the planner.
//!
//! # What is missing
//!
//! There are no rows: `GET /api/v1/pipelines/{id}/jobs/{job}/output` is not part of the model. Tokens are not checked.

mod builder;
mod chance;
mod environment;
mod held;
mod server;
mod state;
mod workers;

pub use builder::ServerBuilder;
pub use chance::Chance;
pub use environment::TestEnvironment;
pub use held::HeldPipeline;
pub use server::Server;
pub use workers::{Failure, RunEnd, Workers};
