//! The clients to measure, each of which does one task repeatedly.

use std::str::FromStr;

use stepwell::{HyperTransport, PipelineSpec, SharedTransport, Shutdown, Transport as _};
#[cfg(feature = "peers")]
use stepwell_bench_peers::{ByHand, Generated, Style};

use crate::{
    client::{
        floor::{Bare, Failure, Floor, Recorder},
        stepwell as own,
    },
    held,
};

/// A client to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// stepwell.
    Stepwell,
    /// hyper-util's client, which sends the same requests and skips the replies.
    Floor,
    /// One connection of hyper, which sends the same requests and parses nothing.
    Bare,
    /// The client that progenitor generates.
    #[cfg(feature = "peers")]
    Generated(Style),
    /// A client on reqwest, written by hand.
    #[cfg(feature = "peers")]
    ByHand(Style),
}

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Creates a pipeline, from the ping to Running.
    Submit,
    /// Finds the pipeline with the same query among all that are held, and resumes it.
    Find,
}

/// The names on the command line.
impl FromStr for Subject {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self, Failure> {
        Ok(match name {
            "stepwell" => Self::Stepwell,
            "floor" => Self::Floor,
            "bare" => Self::Bare,
            #[cfg(feature = "peers")]
            "generated" => Self::Generated(Style::OnePage),
            #[cfg(feature = "peers")]
            "generated-arroyo-run" => Self::Generated(Style::ArroyoRun),
            #[cfg(feature = "peers")]
            "by-hand" => Self::ByHand(Style::OnePage),
            #[cfg(feature = "peers")]
            "by-hand-arroyo-run" => Self::ByHand(Style::ArroyoRun),
            _ => return Err(format!("no peer is called {name}").into()),
        })
    }
}

impl FromStr for Task {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self, Failure> {
        Ok(match name {
            "submit" => Self::Submit,
            "find" => Self::Find,
            _ => return Err(format!("no task is called {name}").into()),
        })
    }
}

/// The pause of the peers between two polls: none, because instructions and allocations are counted.
#[cfg(feature = "peers")]
const NO_PAUSE: std::time::Duration = std::time::Duration::ZERO;

/// A client that is ready to do its task.
#[derive(Debug)]
pub struct MeasuredClient {
    kind: ClientKind,
    task: Task,
    spec: PipelineSpec,
}

#[derive(Debug)]
enum ClientKind {
    Stepwell {
        transport: SharedTransport,
        shutdown: Shutdown,
    },
    Floor(Floor),
    Bare(Bare),
    #[cfg(feature = "peers")]
    Generated(Generated, Style),
    #[cfg(feature = "peers")]
    ByHand(ByHand, Style),
}

impl MeasuredClient {
    /// Creates the client, and does the task once. This opens the connections and records the requests of the floor.
    ///
    /// # Errors
    ///
    /// Fails if the task cannot be done.
    pub async fn new(peer: Subject, task: Task, url: &str, held: usize) -> Result<Self, Failure> {
        let spec = held::spec(&match task {
            Task::Submit => held::new_query(),
            Task::Find => held::held_query(held),
        })?;
        let hyper = HyperTransport::builder(url).build()?;
        let kind = match peer {
            Subject::Stepwell => ClientKind::Stepwell {
                transport: hyper.into_shared(),
                shutdown: Shutdown::new(),
            },
            #[cfg(feature = "peers")]
            Subject::Generated(style) => ClientKind::Generated(Generated::new(url)?, style),
            #[cfg(feature = "peers")]
            Subject::ByHand(style) => ClientKind::ByHand(ByHand::new(url)?, style),
            Subject::Floor | Subject::Bare => {
                let recorder = Recorder::new(hyper);
                let mut client = Self {
                    kind: ClientKind::Stepwell {
                        transport: recorder.clone().into_shared(),
                        shutdown: Shutdown::new(),
                    },
                    task,
                    spec: spec.clone(),
                };
                client.once().await?;
                let requests = recorder.take();
                match peer {
                    Subject::Floor => ClientKind::Floor(Floor::new(url, requests)?),
                    _ => ClientKind::Bare(Bare::connect(url, requests).await?),
                }
            }
        };
        let mut client = Self { kind, task, spec };
        client.once().await?;
        Ok(client)
    }

    /// Does the task once.
    ///
    /// # Errors
    ///
    /// Fails if the task cannot be done.
    pub async fn once(&mut self) -> Result<(), Failure> {
        match &mut self.kind {
            ClientKind::Stepwell {
                transport,
                shutdown,
            } => match self.task {
                Task::Submit => own::submit(transport, shutdown, self.spec.clone()).await,
                Task::Find => own::find(transport, shutdown, self.spec.clone()).await,
            },
            ClientKind::Floor(floor) => floor.run().await,
            ClientKind::Bare(bare) => bare.run().await,
            #[cfg(feature = "peers")]
            ClientKind::Generated(peer, style) => {
                ask(peer, *style, self.task, self.spec.query()).await
            }
            #[cfg(feature = "peers")]
            ClientKind::ByHand(peer, style) => {
                ask(peer, *style, self.task, self.spec.query()).await
            }
        }
    }
}

#[cfg(feature = "peers")]
async fn ask(
    peer: &impl stepwell_bench_peers::Peer,
    style: Style,
    task: Task,
    query: &str,
) -> Result<(), Failure> {
    match task {
        Task::Submit => {
            peer.submit(style, query, NO_PAUSE).await?;
        }
        Task::Find => {
            let found = peer.find(style, query).await?;
            found.ok_or("the pipeline was not found")?;
        }
    }
    Ok(())
}
