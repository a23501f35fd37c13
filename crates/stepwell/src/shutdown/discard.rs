//! Undoes a create: the pipeline is stopped at once and deleted.

use std::time::Duration;

use stepwell_arroyo::{ClientError, Job, Operation, StopMode};

use super::{stop_error::StopError, stop_pipeline::Stop};
use crate::{
    error::Error,
    job::{
        verdict::Baseline,
        watch::{Look, Watch},
    },
    observe::Step,
    resolve::{Action, ResolveError},
    session::{
        Deadline, Session,
        retry::{GONE_AFTER, Request, is_gone},
        to_completion,
    },
    state::identified::Identified,
};

/// The pause between two looks for a pipeline that is not shown.
const LEAST_PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn discard(
    session: &Session,
    pipeline: &Identified,
    baseline: &Baseline,
    deadline: &Deadline,
) -> Result<(), Error> {
    let stop = Stop::of(
        session,
        &pipeline.id,
        StopMode::Immediate,
        baseline,
        *deadline,
    );
    let ended = match Box::pin(stop.run()).await {
        Ok(ending) => Some(ending.job),
        Err(StopError::Vanished { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    // What has its id now may be another client's.
    if !session.sight.is_replaced() {
        let deleted = delete(session, pipeline, ended.as_ref(), baseline, deadline).await;
        deleted.map_err(|error| {
            ResolveError::unanswered(Action::Discard, &pipeline.name, deadline, error)
        })?;
    }
    session.ticket.forget();
    Ok(())
}

/// Deletes the pipeline. A look between the tries tells it from one that another client has made under its id, and whether a 404 is that of a
/// node that lags behind. `ended` is its job as the stop saw it last; `None` if the stop found it gone.
async fn delete(
    session: &Session,
    pipeline: &Identified,
    ended: Option<&Job>,
    baseline: &Baseline,
    deadline: &Deadline,
) -> Result<(), ClientError> {
    let requester = &session.requester;
    let expected = baseline.expected();
    let mut watch = Watch::of(session, &pipeline.id, Step::Stop, deadline, expected);
    if let Some(job) = ended {
        watch.has_seen(job);
    }
    let mut tries = watch.tries(Request::Delete);
    loop {
        let (client, left) = tries.client();
        let id = pipeline.id.clone();
        let cut_off = || {
            let client = &requester.client;
            client.cut_off(Operation::Delete, pipeline.id.as_str())
        };
        let sending = async move { client.delete(&id).await };
        let error = match watch.beside(to_completion(sending, cut_off)).await {
            Ok(()) => {
                tries.answered();
                return Ok(());
            }
            Err(error) => error,
        };
        if is_gone(&error) && ended.is_none() {
            return Ok(());
        }
        let (pause, failure) = if is_gone(&error) && !deadline.is_over() {
            (tries.failed(&error), Some(error))
        } else {
            (tries.pause(error, left)?, tries.take_failure())
        };
        watch.take_back(&mut tries);
        watch.sleep(pause).await;
        let patience = deadline.within(GONE_AFTER);
        let is_shown = loop {
            match watch.look().await {
                Look::Vanished => return Ok(()),
                Look::Rejected(error) => return Err(error),
                Look::Job(_) => break true,
                Look::NoJob | Look::Failed if deadline.is_over() => break false,
                // As a stop is, it is repeated blindly in the end.
                Look::NoJob | Look::Failed if !watch.is_missing() && patience.is_over() => {
                    break true;
                }
                Look::NoJob | Look::Failed => {
                    let pause = watch.retry_pause();
                    watch.sleep(pause.max(LEAST_PAUSE)).await;
                }
            }
        };
        if let Some(error) = failure.filter(|_| !is_shown) {
            return Err(error);
        }
        watch.lend(&mut tries);
    }
}
