//! Replaces a pipeline, up to a request at which it waits to be killed: `replacer URL OLD NAME QUERY [POINT]`.
//!
//! `POINT` is `before:N`, `during:N` or `after:N`, N being the number of a request that changes something, or `read:N:M`, the Mth request
//! after N of these. There it prints `reached`, and goes no further. If it comes to an end, it prints the name of the pipeline that runs.

use std::{
    env,
    error::Error as StdError,
    future::{Future, pending},
    io::{Write as _, stdout},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use stepwell::{
    Error, HyperTransport, Options, PipelineId, PipelineSpec, Shutdown, Transport,
    error::{Chain, MeantToRun, ReplacementError},
    replacement::{Replacement, ReplacementOptions},
    transport::{
        TransportError,
        bytes::Bytes,
        http::{Method, Request, Response, Uri},
    },
};

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(300);

type Failure = Box<dyn StdError + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Before(usize),
    During(usize),
    After(usize),
    Read(usize, usize),
}

impl Point {
    fn parse(text: &str) -> Result<Self, Failure> {
        let parts: Vec<_> = text.split(':').collect();
        Ok(match parts[..] {
            ["before", write] => Self::Before(write.parse()?),
            ["during", write] => Self::During(write.parse()?),
            ["after", write] => Self::After(write.parse()?),
            ["read", write, read] => Self::Read(write.parse()?, read.parse()?),
            _ => return Err(format!("there is no point {text}").into()),
        })
    }
}

/// How many requests were sent: those that change something, and those after the last one of these.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    writes: usize,
    reads: usize,
}

#[derive(Clone, Debug)]
struct Killed {
    inner: HyperTransport,
    point: Option<Point>,
    sent: Arc<Mutex<Sent>>,
}

impl Killed {
    /// Counts a request, and returns the point that it would be at.
    fn count(&self, request: &Request<Bytes>) -> (Sent, bool) {
        let is_write =
            *request.method() != Method::GET && !request.uri().path().ends_with("validate_query");
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if is_write {
            sent.writes += 1;
            sent.reads = 0;
        } else {
            sent.reads += 1;
        }
        (*sent, is_write)
    }
}

fn reached() {
    println!("reached");
    let _ = stdout().flush();
}

impl Transport for Killed {
    fn execute(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send {
        let (sent, is_write) = self.count(&request);
        let this = self.clone();
        async move {
            match this.point {
                Some(Point::Before(write)) if is_write && sent.writes == write => {
                    reached();
                    pending().await
                }
                Some(Point::During(write)) if is_write && sent.writes == write => {
                    let _ = tokio::join!(this.inner.execute(request), async { reached() });
                    pending().await
                }
                Some(Point::After(write)) if is_write && sent.writes == write => {
                    let _ = this.inner.execute(request).await;
                    reached();
                    pending().await
                }
                Some(Point::Read(write, read)) if sent.writes == write && sent.reads == read => {
                    reached();
                    pending().await
                }
                _ => this.inner.execute(request).await,
            }
        }
    }

    fn base_url(&self) -> Option<Uri> {
        self.inner.base_url()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next();
    let (Some(url), Some(old), Some(name), Some(query)) = (next(), next(), next(), next()) else {
        return Err("usage: replacer URL OLD NAME QUERY [POINT]".into());
    };
    let transport = Killed {
        inner: HyperTransport::builder(url).build()?,
        point: next().as_deref().map(Point::parse).transpose()?,
        sent: Arc::default(),
    };
    let spec = PipelineSpec::builder(query)
        .name(name)
        .force(true)
        .build()?;
    let options = Options::default()
        .with_connect_timeout(PATIENCE)
        .with_validate_timeout(PATIENCE)
        .with_resolve_timeout(PATIENCE)
        .with_running_timeout(PATIENCE)
        .with_stop_timeout(PATIENCE);
    let shutdown = Shutdown::new();
    let replacement = ReplacementOptions::default();
    let old = PipelineId::new(old)?;
    let resumed = Replacement::resume(transport, old, spec, &shutdown, options, replacement);
    let replaced = match resumed.await {
        Ok(resumed) => Box::pin(resumed.run()).await.map_err(Error::from),
        Err(error) => Err(error),
    };
    match replaced {
        Ok(running) => println!("{}", running.name()),
        Err(Error::Replacement {
            source:
                ReplacementError::RolledBack {
                    meant_to_run: MeantToRun::Old,
                    ..
                },
        }) => println!("rolled back"),
        Err(error) => return Err(Chain(&error).to_string().into()),
    }
    Ok(())
}
