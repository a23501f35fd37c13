//! Where the pipelines of a command are: on a server, in the process that uses a state directory, or in a directory that no process uses.

use std::path::PathBuf;

use stepwell::{SharedTransport, arroyo::Client};

use crate::{
    arguments::Place,
    failure::{Failure, NothingRunsSnafu},
    output::Output,
};

/// A place that can be asked.
pub(crate) struct OpenPlace {
    transport: SharedTransport,
    /// The directory, if no process uses it. What is asked is then a copy of its state, which only answers.
    at_rest: Option<PathBuf>,
}

impl Place {
    /// Finds out where the pipelines are. This starts nothing.
    pub(crate) async fn open(&self) -> Result<OpenPlace, Failure> {
        match &self.state_dir {
            Some(directory) => in_directory::open(directory).await,
            None => Ok(OpenPlace {
                transport: self.connection.required_transport()?,
                at_rest: None,
            }),
        }
    }
}

impl OpenPlace {
    /// For a look.
    pub(crate) fn transport(&self) -> SharedTransport {
        self.transport.clone()
    }

    /// For a look.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.transport())
    }

    /// The directory, if no process uses it.
    pub(crate) fn at_rest(&self) -> Option<&PathBuf> {
        self.at_rest.as_ref()
    }

    /// For a change, which needs somebody to carry it out.
    pub(crate) fn live(&self) -> Result<SharedTransport, Failure> {
        match &self.at_rest {
            Some(directory) => NothingRunsSnafu { directory }.fail(),
            None => Ok(self.transport()),
        }
    }

    /// Says if what is shown is not live.
    pub(crate) fn show(&self, output: &Output) {
        if let Some(directory) = &self.at_rest {
            output.note(&format!(
                "no process uses {}; this is how its pipelines were left",
                directory.display()
            ));
        }
    }
}

#[cfg(feature = "embedded")]
mod in_directory {
    use std::{path::Path, time::Duration};

    use snafu::ResultExt as _;
    use stepwell::{
        SharedTransport, Transport,
        transport::{
            TransportError,
            bytes::Bytes,
            http::{Request, Response},
        },
    };
    use stepwell_embedded::{StateAtRest, StateLook};
    use tokio::time::{Instant, sleep};

    use super::OpenPlace;
    use crate::{
        failure::{Failure, InUseSnafu, StateSnafu},
        server,
    };

    /// How long a process that uses the directory may take to start its API, or to end if it only looks at the state.
    const PATIENCE: Duration = Duration::from_secs(5);

    const PAUSE: Duration = Duration::from_millis(20);

    pub(super) async fn open(directory: &Path) -> Result<OpenPlace, Failure> {
        let began = Instant::now();
        loop {
            let look = StateLook::at(directory).await;
            match look.context(StateSnafu { path: directory })? {
                StateLook::InUse { url: Some(url), .. } => {
                    return Ok(OpenPlace {
                        transport: server::transport_to_engine(&url)?,
                        at_rest: None,
                    });
                }
                StateLook::AtRest(state) => {
                    return Ok(OpenPlace {
                        transport: SharedTransport::new(AtRest(state)),
                        at_rest: Some(directory.to_owned()),
                    });
                }
                StateLook::InUse { pid, .. } if began.elapsed() >= PATIENCE => {
                    return InUseSnafu {
                        path: directory,
                        pid,
                    }
                    .fail();
                }
                _ => sleep(PAUSE).await,
            }
        }
    }

    /// A state that no process uses, in place of a server.
    #[derive(Debug)]
    struct AtRest(StateAtRest);

    impl Transport for AtRest {
        async fn execute(
            &self,
            request: Request<Bytes>,
        ) -> Result<Response<Bytes>, TransportError> {
            Ok(self.0.answer(&request))
        }
    }
}

#[cfg(not(feature = "embedded"))]
mod in_directory {
    use std::path::Path;

    use super::OpenPlace;
    use crate::failure::{Failure, UsageSnafu};

    pub(super) async fn open(_directory: &Path) -> Result<OpenPlace, Failure> {
        let message = "this build has no embedded engine, so --state-dir cannot be used";
        UsageSnafu { message }.fail()
    }
}
