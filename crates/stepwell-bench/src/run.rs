//! One client, doing one thing over and over: what is measured.

use std::str::FromStr;

use stepwell::{HyperTransport, PipelineSpec, SharedTransport, Shutdown, Transport as _};
#[cfg(feature = "peers")]
use stepwell_bench_peers::{ByHand, Generated, Way};

use crate::{
    client::{
        floor::{Bare, Failure, Floor, Recorder},
        stepwell as own,
    },
    held,
};

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// stepwell.
    Stepwell,
    /// hyper-util's client, which sends the same and skips through the replies.
    Floor,
    /// One connection of hyper, which sends the same and parses nothing.
    Bare,
    /// The client that progenitor generates.
    #[cfg(feature = "peers")]
    Generated(Way),
    /// A client on reqwest as one writes it by hand.
    #[cfg(feature = "peers")]
    ByHand(Way),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A new pipeline, from the ping to Running.
    Submit,
    /// The pipeline with the same query among all that are held is found and resumed.
    Find,
}

/// The names on the command line.
impl FromStr for Peer {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self, Failure> {
        Ok(match name {
            "stepwell" => Self::Stepwell,
            "floor" => Self::Floor,
            "bare" => Self::Bare,
            #[cfg(feature = "peers")]
            "generated" => Self::Generated(Way::OnePage),
            #[cfg(feature = "peers")]
            "generated-arroyo-run" => Self::Generated(Way::ArroyoRun),
            #[cfg(feature = "peers")]
            "by-hand" => Self::ByHand(Way::OnePage),
            #[cfg(feature = "peers")]
            "by-hand-arroyo-run" => Self::ByHand(Way::ArroyoRun),
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

/// How long the peers pause between two looks at a job where instructions and allocations are counted: not at all.
#[cfg(feature = "peers")]
const NO_PAUSE: std::time::Duration = std::time::Duration::ZERO;

/// A client that is ready: connected, and what it needs is there.
#[derive(Debug)]
pub struct Client {
    kind: Kind,
    task: Task,
    spec: PipelineSpec,
}

#[derive(Debug)]
enum Kind {
    Stepwell {
        transport: SharedTransport,
        shutdown: Shutdown,
    },
    Floor(Floor),
    Bare(Bare),
    #[cfg(feature = "peers")]
    Generated(Generated, Way),
    #[cfg(feature = "peers")]
    ByHand(ByHand, Way),
}

impl Client {
    /// Makes the client, and does the task once: connections are made, and the requests of the floor noted.
    ///
    /// # Errors
    ///
    /// When the task cannot be done.
    pub async fn new(peer: Peer, task: Task, url: &str, held: usize) -> Result<Self, Failure> {
        let spec = held::spec(&match task {
            Task::Submit => held::new_query(),
            Task::Find => held::held_query(held),
        })?;
        let hyper = HyperTransport::builder(url).build()?;
        let kind = match peer {
            Peer::Stepwell => Kind::Stepwell {
                transport: hyper.into_shared(),
                shutdown: Shutdown::new(),
            },
            #[cfg(feature = "peers")]
            Peer::Generated(way) => Kind::Generated(Generated::new(url)?, way),
            #[cfg(feature = "peers")]
            Peer::ByHand(way) => Kind::ByHand(ByHand::new(url)?, way),
            Peer::Floor | Peer::Bare => {
                let recorder = Recorder::new(hyper);
                let mut client = Self {
                    kind: Kind::Stepwell {
                        transport: recorder.clone().into_shared(),
                        shutdown: Shutdown::new(),
                    },
                    task,
                    spec: spec.clone(),
                };
                client.once().await?;
                let requests = recorder.take();
                match peer {
                    Peer::Floor => Kind::Floor(Floor::new(url, requests)?),
                    _ => Kind::Bare(Bare::connect(url, requests).await?),
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
    /// When it cannot be done.
    pub async fn once(&mut self) -> Result<(), Failure> {
        match &mut self.kind {
            Kind::Stepwell {
                transport,
                shutdown,
            } => match self.task {
                Task::Submit => own::submit(transport, shutdown, self.spec.clone()).await,
                Task::Find => own::find(transport, shutdown, self.spec.clone()).await,
            },
            Kind::Floor(floor) => floor.run().await,
            Kind::Bare(bare) => bare.run().await,
            #[cfg(feature = "peers")]
            Kind::Generated(peer, way) => ask(peer, *way, self.task, self.spec.query()).await,
            #[cfg(feature = "peers")]
            Kind::ByHand(peer, way) => ask(peer, *way, self.task, self.spec.query()).await,
        }
    }
}

#[cfg(feature = "peers")]
async fn ask(
    peer: &impl stepwell_bench_peers::Peer,
    way: Way,
    task: Task,
    query: &str,
) -> Result<(), Failure> {
    match task {
        Task::Submit => {
            peer.submit(way, query, NO_PAUSE).await?;
        }
        Task::Find => {
            let found = peer.find(way, query).await?;
            found.ok_or("the pipeline was not found")?;
        }
    }
    Ok(())
}
