//! The pipelines of a server with their jobs, read with as few requests as the server allows.

use std::{collections::HashMap, time::Duration};

use stepwell::{
    PipelineId,
    arroyo::{Client, ClientError, Job},
};
use tokio::task::JoinSet;

/// How many jobs are read concurrently from a server that cannot list them all.
const AT_ONCE: usize = 16;

/// A pipeline in a list.
#[derive(Debug)]
pub(crate) struct ListedPipeline {
    pub(crate) id: PipelineId,
    pub(crate) name: String,
    /// In microseconds of the server's Unix time.
    pub(crate) created_at: u64,
    /// The newest job; `None` if there is none, or if the pipeline was deleted after it was listed.
    pub(crate) job: Option<Job>,
}

/// Reads all pipelines, newest first, and the jobs of those that are `wanted`.
pub(crate) async fn read(
    client: &Client,
    wanted: impl Fn(&ListedPipeline) -> bool,
) -> Result<Vec<ListedPipeline>, ClientError> {
    // The client's timeout applies to each request.
    let left = || Duration::MAX;
    let pipelines = client
        .read_pipelines(left, |row| Ok(row.name.clone().into_owned()))
        .await?;
    let mut listed: Vec<_> = pipelines
        .into_iter()
        .map(|row| ListedPipeline {
            id: row.id,
            name: row.kept,
            created_at: row.created_at,
            job: None,
        })
        .collect();
    let ids: Vec<_> = listed
        .iter()
        .filter(|listed| wanted(listed))
        .map(|listed| listed.id.clone())
        .collect();
    let mut jobs = jobs(client, ids).await?;
    for pipeline in &mut listed {
        pipeline.job = jobs.remove(&pipeline.id);
    }
    Ok(listed)
}

async fn jobs(
    client: &Client,
    ids: Vec<PipelineId>,
) -> Result<HashMap<PipelineId, Job>, ClientError> {
    match ids.as_slice() {
        [] => return Ok(HashMap::new()),
        [_] => return one_by_one(client, ids).await,
        _ => {}
    }
    match client.all_jobs().await {
        Ok(jobs) => match by_pipeline(jobs) {
            Some(jobs) => Ok(jobs),
            None => one_by_one(client, ids).await,
        },
        Err(error) if is_missing(&error) => one_by_one(client, ids).await,
        Err(error) => Err(error),
    }
}

/// The newest job of each pipeline; `None` if a job does not name its pipeline, as on servers up to 0.15.
fn by_pipeline(jobs: Vec<Job>) -> Option<HashMap<PipelineId, Job>> {
    let age = |job: &Job| (job.created_at, job.run_id);
    let mut newest: HashMap<_, Job> = HashMap::with_capacity(jobs.len());
    for job in jobs {
        let id = job.pipeline_id.clone()?;
        if newest.get(&id).is_none_or(|known| age(known) < age(&job)) {
            newest.insert(id, job);
        }
    }
    Some(newest)
}

/// Whether the server cannot list all jobs.
fn is_missing(error: &ClientError) -> bool {
    matches!(
        error.status().map(|status| status.as_u16()),
        Some(404 | 405)
    )
}

async fn one_by_one(
    client: &Client,
    ids: Vec<PipelineId>,
) -> Result<HashMap<PipelineId, Job>, ClientError> {
    let mut ids = ids.into_iter();
    let mut jobs = HashMap::new();
    // Dropping the set, for example after a signal, cancels the requests.
    let mut reading = JoinSet::new();
    loop {
        while reading.len() < AT_ONCE
            && let Some(id) = ids.next()
        {
            let client = client.clone();
            reading.spawn(async move { (client.job(&id).await, id) });
        }
        match reading.join_next().await {
            None => return Ok(jobs),
            Some(Ok((Ok(Some(job)), id))) => {
                jobs.insert(id, job);
            }
            Some(Ok((Ok(None), _))) => {}
            Some(Ok((Err(error), _))) if error.is_not_found() => {}
            Some(Ok((Err(error), _))) => return Err(error),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

#[cfg(test)]
mod tests {
    use stepwell::arroyo::JobId;

    use super::*;

    fn job(id: &str, pipeline: &str, created_at: u64, run_id: u64) -> Job {
        let mut job = Job::new(
            JobId::from_server(id),
            PipelineId::from_server(pipeline),
            created_at,
        );
        job.run_id = run_id;
        job
    }

    #[test]
    fn of_several_jobs_the_newest_counts() {
        let jobs = vec![
            job("a", "p", 2, 1),
            job("b", "p", 2, 2),
            job("c", "p", 1, 9),
            job("d", "q", 1, 1),
        ];
        let jobs = by_pipeline(jobs).unwrap();
        let of = |pipeline| {
            jobs[&PipelineId::from_server(pipeline)]
                .id
                .as_str()
                .to_owned()
        };
        assert_eq!((of("p"), of("q")), ("b".to_owned(), "d".to_owned()));
    }

    #[test]
    fn a_job_that_does_not_say_whose_it_is_makes_the_list_useless() {
        let mut nameless = job("a", "p", 1, 1);
        nameless.pipeline_id = None;
        assert!(by_pipeline(vec![job("b", "q", 1, 1), nameless]).is_none());
        assert!(by_pipeline(Vec::new()).is_some_and(|jobs| jobs.is_empty()));
    }
}
