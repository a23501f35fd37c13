//! The server that a scenario is played against.

use std::{
    env, io,
    process::Stdio,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use end_to_end::Generation;
use stepwell::{HyperTransport, SharedTransport, Transport as _, transport::Token};
use stepwell_embedded::Engine;
use tokio::{process::Command, sync::Mutex};

use crate::failure::Failure;

const URL: &str = "ARROYO_URL";
const TOKEN: &str = "ARROYO_TOKEN";
const RESTART: &str = "ARROYO_RESTART";

/// How often an engine that imitates 0.15 restarts a failing job. A real server does so 20 times, which takes a minute.
const RESTARTS: u32 = 2;

/// An external restart that takes longer has failed.
const RESTART_TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) enum Server {
    /// An engine with its own directory.
    Embedded {
        generation: Generation,
        directory: tempfile::TempDir,
        engine: Mutex<Option<Engine>>,
        port: AtomicU16,
    },
    /// An external server.
    Outside {
        url: String,
        token: Option<Token>,
        /// The shell command that restarts it.
        restart: Option<String>,
    },
}

impl Server {
    pub(crate) async fn embedded(generation: Generation) -> Result<Self, Failure> {
        let server = Self::Embedded {
            generation,
            directory: tempfile::tempdir()?,
            engine: Mutex::new(None),
            port: AtomicU16::new(0),
        };
        server.start().await?;
        Ok(server)
    }

    pub(crate) fn outside() -> Result<Self, Failure> {
        let url = variable(URL).ok_or_else(|| {
            Failure::new(format!(
                "{URL} is not set: give it the address of an Arroyo, such as http://localhost:5115 (and {TOKEN} if it wants one); \
                 docs/testing.md says what happens there"
            ))
        })?;
        let token = variable(TOKEN)
            .map(|token| Token::new(&token))
            .transpose()?;
        Ok(Self::Outside {
            url,
            token,
            restart: variable(RESTART),
        })
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Embedded { port, .. } => {
                format!("http://127.0.0.1:{}", port.load(Ordering::Relaxed))
            }
            Self::Outside { url, .. } => url.clone(),
        }
    }

    pub(crate) fn wants_a_token(&self) -> bool {
        matches!(self, Self::Outside { token: Some(_), .. })
    }

    /// A transport with the server's token, if it needs one.
    pub(crate) fn transport(&self) -> Result<SharedTransport, Failure> {
        match self {
            Self::Outside { token, .. } => self.transport_with(token.clone()),
            Self::Embedded { .. } => self.transport_with(None),
        }
    }

    pub(crate) fn transport_with(&self, token: Option<Token>) -> Result<SharedTransport, Failure> {
        let mut builder = HyperTransport::builder(self.url());
        if let Some(token) = token {
            builder = builder.token(token);
        }
        Ok(builder.build()?.into_shared())
    }

    /// The reason why the server cannot be restarted, if there is one.
    pub(crate) fn why_not_restarted(&self) -> Option<String> {
        match self {
            Self::Outside { restart: None, .. } => Some(format!("{RESTART} is not set")),
            _ => None,
        }
    }

    /// Stops the server and starts it again, at the same address and with the same state.
    pub(crate) async fn restart(&self) -> Result<(), Failure> {
        match self {
            Self::Embedded { .. } => {
                self.close().await?;
                // Long enough for a few requests to find the server down.
                tokio::time::sleep(Duration::from_millis(200)).await;
                self.start().await
            }
            Self::Outside {
                restart: Some(command),
                ..
            } => run(command).await,
            Self::Outside { restart: None, .. } => {
                Err(Failure::new(format!("{RESTART} is not set")))
            }
        }
    }

    async fn start(&self) -> Result<(), Failure> {
        let Self::Embedded {
            generation,
            directory,
            engine,
            port,
        } = self
        else {
            return Ok(());
        };
        let builder = Engine::builder(directory.path().join("state"))
            .rows(Box::new(io::sink()))
            .port(port.load(Ordering::Relaxed));
        let builder = match generation {
            Generation::V0_15 => builder.play_0_15(RESTARTS),
            Generation::V0_16 => builder,
        };
        let started = builder.start().await?;
        let url = started.url();
        let chosen = url.rsplit(':').next().unwrap_or_default().parse()?;
        port.store(chosen, Ordering::Relaxed);
        *engine.lock().await = Some(started);
        Ok(())
    }

    /// Stops an engine of ours; an external server is left as it is.
    pub(crate) async fn close(&self) -> Result<(), Failure> {
        if let Self::Embedded { engine, .. } = self
            && let Some(engine) = engine.lock().await.take()
        {
            engine.close().await?;
        }
        Ok(())
    }
}

/// The value of an environment variable, unless it is empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

async fn run(command: &str) -> Result<(), Failure> {
    // A background process of the command may keep its output open, so do not wait for the end of the output.
    let child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    let status = tokio::time::timeout(RESTART_TIMEOUT, child).await??;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("{RESTART} ended with {status}")))
}
