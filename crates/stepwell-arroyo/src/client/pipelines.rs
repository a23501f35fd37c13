//! Calls on one pipeline.

use super::{Client, ONE};
use crate::{
    ClientError, CreatePipeline, Made, PatchPipeline, Pipeline, PipelineId, RestartPipeline,
    request, response,
};

impl Client {
    /// Reads one pipeline (`GET /api/v1/pipelines/{id}`).
    ///
    /// # Errors
    ///
    /// 404 if there is no such pipeline (recording `106_get_pipeline_unknown`), and
    /// [`ClientErrorKind::OtherPipeline`](crate::ClientErrorKind::OtherPipeline) if the reply has another id, as for
    /// [`patch`](Self::patch) and [`restart`](Self::restart).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn pipeline(&self, id: &PipelineId) -> Result<Pipeline, ClientError> {
        self.call(request::get_pipeline(id), ONE, |reply| {
            response::decode_pipeline(reply, id)
        })
        .await
    }

    /// Creates a pipeline under an id that the server chooses (`POST /api/v1/pipelines`). Sent twice, it creates two pipelines.
    ///
    /// # Errors
    ///
    /// 400 with the planner's message for an invalid query (recording `120_create_invalid_sql`). [`ClientError::phase`] says whether the
    /// pipeline may have been created all the same.
    ///
    /// # Cancel safety
    ///
    /// **Not cancel safe**: a create that is cut off may leave nothing, a whole pipeline, or half of one. Run it to completion on its own
    /// task.
    pub async fn create(&self, pipeline: &CreatePipeline) -> Result<Pipeline, ClientError> {
        self.get(request::create(pipeline), ONE).await
    }

    /// Creates a pipeline under this id (`PUT /api/v1/pipelines/{id}`). Sent twice, it is refused with 400
    /// (recordings `431_put_pipeline_same_id`, `717_pg_put_again`). Servers up to 0.15 answer 405.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    ///
    /// # Cancel safety
    ///
    /// **Not cancel safe**, as [`create`](Self::create).
    pub async fn create_with_id(
        &self,
        id: &PipelineId,
        pipeline: &CreatePipeline,
    ) -> Result<Pipeline, ClientError> {
        self.get(request::create_with_id(id, pipeline), ONE).await
    }

    /// Creates a pipeline as [`create_with_id`](Self::create_with_id) does, or without an id as [`create`](Self::create), and keeps only
    /// the part of the reply that can be compared with the request.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and [`ClientErrorKind::OtherPipeline`](crate::ClientErrorKind::OtherPipeline) if the reply has another
    /// id, name or query than was sent. Whether the pipeline was created is then not known.
    ///
    /// # Cancel safety
    ///
    /// **Not cancel safe**, as [`create`](Self::create).
    pub async fn make(
        &self,
        id: Option<&PipelineId>,
        pipeline: &CreatePipeline,
    ) -> Result<Made, ClientError> {
        let request = match id {
            Some(id) => request::create_with_id(id, pipeline),
            None => request::create(pipeline),
        };
        self.call(request, ONE, |reply| {
            response::decode_made(reply, id, pipeline)
        })
        .await
    }

    /// Changes a pipeline (`PATCH /api/v1/pipelines/{id}`). Returns `None` if the reply is empty.
    ///
    /// # Errors
    ///
    /// 404 if the pipeline has no job (recording `146_patch_unknown_id`).
    ///
    /// # Cancel safety
    ///
    /// **Not cancel safe**: a change that is cut off may or may not have been made.
    pub async fn patch(
        &self,
        id: &PipelineId,
        patch: &PatchPipeline,
    ) -> Result<Option<Pipeline>, ClientError> {
        self.call(request::patch(id, patch), ONE, |reply| {
            response::decode_pipeline_or_empty(reply, id)
        })
        .await
    }

    /// Restarts a pipeline (`POST /api/v1/pipelines/{id}/restart`). Returns `None` if the reply is empty. Sent twice, it restarts twice.
    ///
    /// # Errors
    ///
    /// 400 if there is no such pipeline (recording `257_restart_unknown`).
    ///
    /// # Cancel safety
    ///
    /// **Not cancel safe**: a restart that is cut off may or may not take place.
    pub async fn restart(
        &self,
        id: &PipelineId,
        restart: &RestartPipeline,
    ) -> Result<Option<Pipeline>, ClientError> {
        self.call(request::restart(id, restart), ONE, |reply| {
            response::decode_pipeline_or_empty(reply, id)
        })
        .await
    }

    /// Deletes a pipeline that has ended (`DELETE /api/v1/pipelines/{id}`). This also frees an id whose create broke off halfway.
    ///
    /// # Errors
    ///
    /// 400 if the pipeline is running (recording `151_delete_while_running`), 404 if there is no such pipeline.
    ///
    /// # Cancel safety
    ///
    /// **Not cancel safe**: a delete that is cut off may or may not have been made.
    pub async fn delete(&self, id: &PipelineId) -> Result<(), ClientError> {
        self.call(request::delete(id), ONE, response::decode_done)
            .await
    }
}
