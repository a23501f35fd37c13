use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId};
use stepwell_transport::Transport;
use tracing::Instrument;

use std::{pin::pin, sync::Arc};

use crate::{
    Registered, Submission,
    baseline::Baseline,
    context::Context,
    error::Error,
    observer::Step,
    options::Options,
    poll::is_gone,
    shutdown::registry::Known,
    state::{Identified, Unconnected},
    submission::need_runtime,
    time_limit::TimeLimit,
};

/// Why a pipeline was not attached to.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum AttachError {
    /// The server does not know it.
    #[snafu(display("there is no pipeline {id} on the server; list them to see which there are"))]
    NotFound {
        /// The id.
        id: PipelineId,
    },
    /// The server did not answer, or refused.
    #[snafu(display("could not read pipeline {id}"))]
    Unreadable {
        /// The id.
        id: PipelineId,
        /// Why.
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
}

impl AttachError {
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.is_retryable())
    }
}

impl Submission<Unconnected> {
    /// Takes up a pipeline that is there, by its id: after the orchestrator itself was restarted, for types die with the process.
    ///
    /// Reads `GET /api/v1/pipelines/{id}`, within [`Options::connect_timeout`](crate::Options::connect_timeout). Changes nothing: a
    /// stopped pipeline stays so. What the steps before would have proved is not known. With a shutdown among the options the pipeline
    /// counts as one that this process did not start.
    ///
    /// # Errors
    ///
    /// [`Error::Attach`], [`Error::ShutdownBegun`], [`Error::NoRuntime`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn attach(
        transport: impl Transport,
        id: PipelineId,
        options: Options,
    ) -> Result<Submission<Registered>, Error> {
        let context = Arc::new(Context::new(transport.into_shared(), options));
        let span = tracing::info_span!("attach", pipeline.id = %id, state.to = "Registered");
        let read = async {
            need_runtime()?;
            let limit = TimeLimit::new(context.options.connect_timeout);
            let id = &id;
            let work = pin!(async {
                let read = context.read(Step::Connect, &limit, |client| async move {
                    client.pipeline(id).await
                });
                read.await.map_err(|error| {
                    if is_gone(&error) {
                        AttachError::NotFound { id: id.clone() }.into()
                    } else {
                        AttachError::Unreadable {
                            id: id.clone(),
                            source: Box::new(error),
                        }
                        .into()
                    }
                })
            });
            context.unless_begun(work).await
        };
        let pipeline = read.instrument(span).await?;
        let known = Known::Pipeline(pipeline.id.clone());
        drop(context.intend(pipeline.name.as_str().into(), known, false)?);
        context.found(&pipeline.id, false);
        let state = Registered {
            pipeline: Identified::new(&pipeline),
            baseline: Baseline::none(),
            evidence: None,
        };
        Ok(Submission { context, state })
    }
}
