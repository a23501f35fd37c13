//! A control plane for tests: [`Server`] is a [`Transport`](stepwell_transport::Transport) whose answers come from the model, with workers
//! that carry out its commands.
//!
//! Code that deploys pipelines can be tested with it as a whole, without a server and without a socket: it does what a real server does
//! unless the test says otherwise. A test that is about single requests and their replies is better off with the `FakeTransport` of
//! `stepwell-transport`, which follows a script.
//!
//! # An orchestrator's own test
//!
//! ```
//! use std::{error::Error, time::Duration};
//! use stepwell::{JobState, Outcome, PipelineSpec, SharedTransport, Shutdown, StopPolicy, Submission, Transport as _, state::Running};
//! use stepwell_control_plane::testing::{Failure, Server};
//!
//! // The code that is tested.
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
//! # Time and chance
//!
//! A server counts the time of tokio's clock, paused or not, from its first use on. It has no tasks and no threads: when it is used, it first
//! makes up for the time since the last use, in order and at the times at which things were due. Nothing is left over when it is dropped,
//! and it can be created outside a runtime. Requests need one, unless their [latency](ServerBuilder::latency) is zero.
//!
//! There is no chance in it, unless it has a [seed](ServerBuilder::seed).
//!
//! # Parts
//!
//! A test with a server of its own around a [`ControlPlane`](crate::ControlPlane) can use the parts: [`Workers`] turns a
//! [`Command`](crate::Command) into [`WorkerEvent`](crate::WorkerEvent)s, and [`TestEnvironment`] has the clock, the ids and the planner.
//!
//! # What it does not have
//!
//! It has no rows: `GET /api/v1/pipelines/{id}/jobs/{job}/output` is not part of the model. It knows no tokens: every request is let in.

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
