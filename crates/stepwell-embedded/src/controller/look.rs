//! Looking at a state directory without an engine.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use stepwell_control_plane::{ControlPlane, Options};
use tokio::task;

use super::core::plane;
use super::environment::EngineEnvironment;
use crate::error::EngineError;
use crate::plan::Planner;
use crate::server::ErrorReply;
use crate::store::{LookLock, Store};

/// A look at a state directory. It starts nothing and changes nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum StateLook {
    /// An engine uses the directory.
    #[non_exhaustive]
    InUse {
        /// The process of the engine, if it has written its id.
        pid: Option<u32>,
        /// The base URL of the engine's REST API. `None` while it starts, and for an [idle](crate::EngineBuilder::idle) engine, which is about
        /// to end.
        url: Option<String>,
    },
    /// No engine uses the directory.
    AtRest(StateAtRest),
}

impl StateLook {
    /// Looks at a state directory.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoState`] if no engine has ever used the directory, and the errors of a store that cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn at(state_dir: impl Into<PathBuf>) -> Result<Self, EngineError> {
        let path = state_dir.into();
        task::spawn_blocking(move || look(&path))
            .await
            .unwrap_or(Err(EngineError::ControllerGone))
    }
}

fn look(path: &Path) -> Result<StateLook, EngineError> {
    if path.exists() && !path.is_dir() {
        let path = path.to_owned();
        return Err(EngineError::NotADirectory { path });
    }
    // An engine waits until the look is over.
    let _lock = match LookLock::take(path)? {
        Ok(lock) => lock,
        Err(holder) => {
            let (pid, url) = (holder.pid, holder.url);
            return Ok(StateLook::InUse { pid, url });
        }
    };
    let store = Store::open_to_look(path)?;
    Ok(StateLook::AtRest(StateAtRest {
        plane: Mutex::new(plane(&store, Options::default())?),
    }))
}

/// The state in a directory as an engine left it, read into memory. A pipeline shown Running was running when its engine was killed; it starts
/// again with the next engine in the directory.
#[derive(Debug)]
pub struct StateAtRest {
    plane: Mutex<ControlPlane>,
}

impl StateAtRest {
    /// Answers a request of the REST API that only reads (`GET`), as an engine would. Every other one is refused with 405.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if request.method() != Method::GET {
            let text = "no engine uses the state directory, so nothing can be changed".to_owned();
            return ErrorReply::new(StatusCode::METHOD_NOT_ALLOWED, text).into_response();
        }
        let mut plane = self.plane.lock().unwrap_or_else(PoisonError::into_inner);
        let mut environment = EngineEnvironment::new(Planner::default());
        plane.handle(&mut environment, request)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::num::NonZeroU32;

    use stepwell_arroyo::{Client, CreatePipeline};
    use stepwell_hyper::HyperTransport;
    use stepwell_transport::Transport as _;

    use super::*;
    use crate::Engine;

    fn get(state: &StateAtRest, path: &str) -> serde_json::Value {
        let request = Request::get(path).body(Bytes::new()).unwrap();
        serde_json::from_slice(state.answer(&request).body()).unwrap()
    }

    async fn at_rest(path: &Path) -> StateAtRest {
        match StateLook::at(path).await.unwrap() {
            StateLook::AtRest(state) => state,
            in_use @ StateLook::InUse { .. } => panic!("{in_use:?}"),
        }
    }

    #[tokio::test]
    async fn a_look_finds_the_engine_or_what_it_has_left() {
        let parent = tempfile::tempdir().unwrap();
        // With characters that mean something in a URI.
        let path = parent.path().join("a ?#%b");
        let none = StateLook::at(&path).await.unwrap_err();
        assert!(matches!(none, EngineError::NoState { .. }), "{none}");
        assert!(!path.exists());

        let builder = Engine::builder(&path).rows(Box::new(io::sink()));
        let engine = builder.start().await.unwrap();
        let transport = HyperTransport::builder(engine.url()).build().unwrap();
        let query = "CREATE TABLE events WITH (connector = 'impulse', event_rate = '10'); SELECT counter FROM events;";
        let create = CreatePipeline::new("ticks", query, NonZeroU32::MIN);
        let created = Client::new(transport.into_shared())
            .create(&create)
            .await
            .unwrap();
        let look = StateLook::at(&path).await.unwrap();
        assert!(
            matches!(&look, StateLook::InUse { pid: Some(_), url: Some(url) } if *url == engine.url()),
            "{look:?}"
        );
        engine.close().await.unwrap();

        let files = || {
            let mut files: Vec<_> = std::fs::read_dir(&path)
                .unwrap()
                .map(|file| file.unwrap().file_name())
                .collect();
            files.sort();
            files
        };
        let before = files();
        let state = at_rest(&path).await;
        let pipelines = get(&state, "/api/v1/pipelines?limit=10");
        assert_eq!(pipelines["data"][0]["id"], created.id.as_str());
        assert_eq!(files(), before, "it leaves no file");

        let delete = Request::delete(format!("/api/v1/pipelines/{}", created.id));
        let refused = state.answer(&delete.body(Bytes::new()).unwrap());
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(
            get(&at_rest(&path).await, "/api/v1/jobs")["data"][0]["run_id"],
            1
        );
    }

    #[tokio::test]
    async fn an_idle_engine_leaves_no_address() {
        let directory = tempfile::tempdir().unwrap();
        let builder = Engine::builder(directory.path()).rows(Box::new(io::sink()));
        let engine = builder.idle().start().await.unwrap();
        let look = StateLook::at(directory.path()).await.unwrap();
        assert!(
            matches!(look, StateLook::InUse { url: None, .. }),
            "{look:?}"
        );
        engine.close().await.unwrap();
    }
}
