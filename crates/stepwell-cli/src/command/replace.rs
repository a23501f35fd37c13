//! `stepwell replace`.

use snafu::ResultExt;
use stepwell::{
    Error, PipelineId, PipelineSpec, SharedTransport, Shutdown, StopPolicy, Submission,
    error::ValidateError,
    replacement::{Replacement, ReplacementOptions, ReplacementResumed},
    state::Running,
};

use super::validate::read;
use crate::{
    arguments::ReplaceArguments,
    carry_out,
    diagnostic::NamedQuery,
    exit::Exit,
    failure::{Failure, InterruptedSnafu, SpecSnafu},
    find,
    interruption::Interruptions,
    output::Output,
    query,
};

pub(crate) async fn replace(arguments: ReplaceArguments, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let prepared = async {
        let query = read(arguments.query.file.clone(), output.clone()).await?;
        let transport = arguments.place.open().await?.live()?;
        let old = Old::find(&transport, &arguments.target.pipeline, output).await?;
        let spec = spec(&arguments, &query, &old)?;
        let replacement = resume(&arguments, transport, &old.id, spec, output).await;
        Ok((replacement.map_err(|error| invalid(error, query))?, old.id))
    };
    // Nothing is touched until then.
    let (replacement, old) = interruptions.unless_interrupted(Box::pin(prepared)).await?;
    let text = plan(&replacement, &old, arguments.keep_old);
    if arguments.dry_run {
        output.note(&format!("would {text}"));
        return Ok(Exit::Success);
    }
    output.note(&text);
    let mut first = None;
    let replacing = Box::pin(replacement.run());
    let replaced = interruptions.unless_interrupted_twice(
        async { replacing.await.map_err(|error| Failure::from(Error::from(error))) },
        |signal| {
            first = Some(signal);
            output.note(&format!("replacing pipeline {old}; {}", signal.again()));
            format!("the replacement of pipeline {old} is not complete; the same command with this id goes on with it")
        },
    );
    let running: Submission<Running> = replaced.await?;
    output.replaced(
        old.as_str(),
        running.id().as_str(),
        running.name(),
        arguments.keep_old,
        running.dashboard_url().as_deref(),
    );
    match first {
        Some(signal) => {
            let left = Some(format!("pipeline {} has replaced {old}", running.id()));
            InterruptedSnafu { signal, left }.fail()
        }
        None => Ok(Exit::Success),
    }
}

/// The old pipeline. After a replacement that was cut short at its end, it is gone, and the same command completes that.
struct Old {
    id: PipelineId,
    name: Option<String>,
}

impl Old {
    async fn find(
        transport: &SharedTransport,
        typed: &str,
        output: &Output,
    ) -> Result<Self, Failure> {
        let options = carry_out::options(output);
        match find::attach(transport, typed, &options).await {
            Ok(attached) => Ok(Self {
                id: attached.id().clone(),
                name: Some(attached.name().to_owned()),
            }),
            // A word that is no id is the name of a pipeline that does not exist.
            Err(failure) if find::is_unknown(&failure) && looks_like_an_id(typed) => {
                let id = PipelineId::new(typed).map_err(|_| failure)?;
                Ok(Self { id, name: None })
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Whether it may be the id of a pipeline that is gone: a server's, or one that stepwell derives from a spec.
fn looks_like_an_id(typed: &str) -> bool {
    typed.starts_with("pl_") || typed.starts_with("sw_")
}

fn spec(
    arguments: &ReplaceArguments,
    query: &NamedQuery,
    old: &Old,
) -> Result<PipelineSpec, Failure> {
    let stem = arguments.query.file.file_stem();
    let stem = stem
        .and_then(|stem| stem.to_str())
        .filter(|stem| *stem != "-");
    let name = arguments.name.as_deref().or(old.name.as_deref());
    let mut spec = PipelineSpec::builder(&query.text)
        .name(name.or(stem).unwrap_or("query"))
        .force(arguments.force);
    if let Some(parallelism) = arguments.parallelism {
        spec = spec.parallelism(parallelism);
    }
    if let Some(interval) = arguments.checkpoint_interval {
        spec = spec.checkpoint_interval(interval);
    }
    for udf in query::read_udfs(&arguments.query.udf)? {
        spec = spec.udf(udf);
    }
    spec.build().context(SpecSnafu)
}

async fn resume(
    arguments: &ReplaceArguments,
    transport: SharedTransport,
    old: &PipelineId,
    spec: PipelineSpec,
    output: &Output,
) -> Result<ReplacementResumed, Error> {
    let options = carry_out::options(output)
        .with_running_timeout(arguments.timeout)
        .with_stop_timeout(arguments.stopping.stop_timeout);
    let policy = StopPolicy::builder()
        .mode(arguments.stopping.stop_mode.into())
        .deadline(arguments.stopping.stop_timeout)
        .build();
    let replacement = ReplacementOptions::default()
        .with_keep_old(arguments.keep_old)
        .with_without_checkpoint(arguments.without_checkpoint)
        .with_proof_of(arguments.stable_for)
        .with_stop_policy(policy);
    let shutdown = Shutdown::new();
    let old = old.clone();
    Replacement::resume(transport, old, spec, &shutdown, options, replacement).await
}

/// What is wrong with the query is shown as by `validate`.
fn invalid(error: Error, query: NamedQuery) -> Failure {
    match error {
        Error::Validate {
            source: ValidateError::Invalid { diagnostics, .. },
        } => Failure::Invalid { query, diagnostics },
        error => error.into(),
    }
}

/// What the steps do that are left.
fn plan(replacement: &ReplacementResumed, old: &PipelineId, keeps_old: bool) -> String {
    let end = if keeps_old { "keep" } else { "delete" };
    match replacement {
        ReplacementResumed::Prepared(_) => format!(
            "stop pipeline {old} with a final checkpoint, start the new one, see that it stays running, and {end} the old one"
        ),
        _ => format!(
            "start the new pipeline, see that it stays running, and {end} pipeline {old}, which has ended or is gone"
        ),
    }
}
