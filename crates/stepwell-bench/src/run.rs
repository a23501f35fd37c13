//! One client, doing one thing over and over: what is measured.

use std::{str::FromStr, time::Instant};

use stepwell::{HyperTransport, PipelineSpec, SharedTransport, Shutdown, Transport as _};

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

/// A client that is ready: connected, and what it needs is there.
pub struct Client {
    kind: Kind,
    task: Task,
    spec: PipelineSpec,
}

enum Kind {
    Stepwell {
        transport: SharedTransport,
        shutdown: Shutdown,
    },
    Floor(Floor),
    Bare(Bare),
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
        });
        let hyper = HyperTransport::builder(url).build()?;
        let kind = match peer {
            Peer::Stepwell => Kind::Stepwell {
                transport: hyper.into_shared(),
                shutdown: Shutdown::new(),
            },
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
        }
    }

    /// Does it so often, and gives the time of each in nanoseconds.
    ///
    /// # Errors
    ///
    /// When it cannot be done.
    pub async fn repeat(&mut self, times: usize) -> Result<Vec<u64>, Failure> {
        let mut taken = Vec::with_capacity(times);
        for _ in 0..times {
            let begun = Instant::now();
            self.once().await?;
            taken.push(u64::try_from(begun.elapsed().as_nanos())?);
        }
        Ok(taken)
    }
}
