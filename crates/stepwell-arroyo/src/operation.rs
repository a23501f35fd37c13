use std::fmt;

/// A call of the API. Its `Display` reads after "could not".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `GET /api/v1/ping`
    Ping,
    /// `POST /api/v1/pipelines/validate_query`
    Validate,
    /// `GET /api/v1/pipelines`
    ListPipelines,
    /// `GET /api/v1/pipelines/{id}`
    GetPipeline,
    /// `POST /api/v1/pipelines`
    Create,
    /// `PUT /api/v1/pipelines/{id}`
    CreateWithId,
    /// `PATCH /api/v1/pipelines/{id}`
    Patch,
    /// `POST /api/v1/pipelines/{id}/restart`
    Restart,
    /// `DELETE /api/v1/pipelines/{id}`
    Delete,
    /// `GET /api/v1/pipelines/{id}/jobs`
    Jobs,
    /// `GET /api/v1/jobs`
    AllJobs,
    /// `GET /api/v1/pipelines/{id}/jobs/{id}/errors`
    JobErrors,
    /// `GET /api/v1/pipelines/{id}/jobs/{id}/checkpoints`
    Checkpoints,
    /// `GET /api/v1/pipelines/{id}/jobs/{id}/output`
    Output,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ping => "reach the API",
            Self::Validate => "validate the query",
            Self::ListPipelines => "list the pipelines",
            Self::GetPipeline => "read the pipeline",
            Self::Create | Self::CreateWithId => "create the pipeline",
            Self::Patch => "change the pipeline",
            Self::Restart => "restart the pipeline",
            Self::Delete => "delete the pipeline",
            Self::Jobs => "read the job of the pipeline",
            Self::AllJobs => "list the jobs",
            Self::JobErrors => "read the errors of the pipeline",
            Self::Checkpoints => "read the checkpoints of the pipeline",
            Self::Output => "read the rows of the pipeline",
        })
    }
}
