//! Finding the pipeline that was typed: by its id, by the beginning of its id, or by its name.

mod ambiguous;

use stepwell::{
    Error, Options, PipelineId, SharedTransport, Shutdown, Submission, arroyo::Client,
    error::AttachError, state::Registered,
};

use self::ambiguous::AmbiguousSnafu;
use crate::{
    arguments::Place,
    failure::Failure,
    listing::{self, ListedPipeline},
};

pub(crate) use self::ambiguous::Ambiguous;

/// The minimum length of a beginning of an id. Anything shorter is more likely a typo.
const SHORTEST_BEGINNING: usize = 4;

/// Finds the pipeline and reads it with `read`.
///
/// What was typed is taken as an id first, so that an id needs no extra request. Only if there is no such pipeline, the list is searched.
pub(crate) async fn pipeline<T>(
    client: &Client,
    typed: &str,
    read: impl AsyncFn(PipelineId) -> Result<T, Failure>,
    is_missing: impl FnOnce(&Failure) -> bool,
) -> Result<T, Failure> {
    let missing = match read(PipelineId::from_server(typed)).await {
        Err(failure) if is_missing(&failure) => failure,
        read => return read,
    };
    // A long id is shown shortened in the table, with an ellipsis at its end.
    let text = typed.strip_suffix('…').unwrap_or(typed);
    let mut listed = listing::read(client, |listed| matches_text(listed, text)).await?;
    listed.retain(|listed| matches_text(listed, text));
    match listed.as_slice() {
        [] => Err(missing),
        [one] => read(one.id.clone()).await,
        _ => AmbiguousSnafu {
            typed,
            candidates: listed,
        }
        .fail()?,
    }
}

/// The same as [`attach`], for a change: only where somebody can carry it out.
pub(crate) async fn attach_live(
    place: &Place,
    typed: &str,
    options: &Options,
) -> Result<Submission<Registered>, Failure> {
    let transport = place.open().await?.live()?;
    attach(&transport, typed, options).await
}

/// Finds the pipeline and attaches to it.
pub(crate) async fn attach(
    transport: &SharedTransport,
    typed: &str,
    options: &Options,
) -> Result<Submission<Registered>, Failure> {
    let client = Client::new(transport.clone());
    let shutdown = Shutdown::new();
    let attach = async |id: PipelineId| {
        let attached = Submission::attach(transport.clone(), id, &shutdown, options.clone());
        Ok(Box::pin(attached).await?)
    };
    pipeline(&client, typed, attach, is_unknown).await
}

/// Whether there is no pipeline to attach to.
pub(crate) fn is_unknown(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Step {
            source: Error::Attach {
                source: AttachError::NotFound { .. }
            }
        }
    )
}

fn matches_text(listed: &ListedPipeline, text: &str) -> bool {
    let is_beginning =
        || text.chars().count() >= SHORTEST_BEGINNING && listed.id.as_str().starts_with(text);
    listed.name == text || is_beginning()
}
