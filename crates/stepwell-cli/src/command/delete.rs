//! `stepwell delete`.

use stepwell::{
    Error, Options, SharedTransport, StopMode, Submission, error::StopError, state::Registered,
};

use crate::{
    arguments::DeleteArguments,
    carry_out,
    exit::Exit,
    failure::{Failure, InterruptedSnafu},
    find,
    interruption::Interruptions,
    output::Output,
};

pub(crate) async fn delete(arguments: DeleteArguments, output: &Output) -> Result<Exit, Failure> {
    let mut interruptions = Interruptions::listen()?;
    let place = interruptions
        .unless_interrupted(arguments.place.open())
        .await?;
    let options = carry_out::options(output).with_stop_timeout(arguments.stopping.stop_timeout);
    match place.at_rest() {
        Some(directory) => {
            // Nothing runs there that could take a checkpoint.
            let options = options.with_stop_mode(StopMode::Force);
            let deleting = Deleting {
                arguments: &arguments,
                options,
                output,
            };
            deleting.at_rest(directory, interruptions).await
        }
        None => {
            let options = options.with_stop_mode(arguments.stopping.stop_mode.into());
            let deleting = Deleting {
                arguments: &arguments,
                options,
                output,
            };
            deleting.all(place.transport(), interruptions).await
        }
    }
}

struct Deleting<'a> {
    arguments: &'a DeleteArguments,
    options: Options,
    output: &'a Output,
}

impl Deleting<'_> {
    /// Deletes in a state directory that no process uses: by an engine that runs nothing.
    #[cfg(feature = "embedded")]
    async fn at_rest(
        &self,
        directory: &std::path::Path,
        interruptions: Interruptions,
    ) -> Result<Exit, Failure> {
        let engine = crate::engine::EmbeddedEngine::start_idle(directory.to_owned()).await?;
        let result = self.all(engine.transport.clone(), interruptions).await;
        let closed = engine.close().await;
        let exit = result?;
        closed?;
        Ok(exit)
    }

    #[cfg(not(feature = "embedded"))]
    async fn at_rest(
        &self,
        _directory: &std::path::Path,
        _interruptions: Interruptions,
    ) -> Result<Exit, Failure> {
        Err(Failure::NoServer)
    }

    /// Finds all pipelines, and then deletes one after the other. After a failure or a signal, the rest stays.
    async fn all(
        &self,
        transport: SharedTransport,
        mut interruptions: Interruptions,
    ) -> Result<Exit, Failure> {
        let found = interruptions
            .unless_interrupted(self.find(&transport))
            .await?;
        for pipeline in found {
            let id = pipeline.id().clone();
            let mut first = None;
            interruptions
                .unless_interrupted_twice(Box::pin(self.one(pipeline)), |signal| {
                    first = Some(signal);
                    self.output
                        .note(&format!("deleting pipeline {id}; {}", signal.again()));
                    format!("it is not known whether pipeline {id} was deleted")
                })
                .await?;
            if let Some(signal) = first {
                let left = Some(format!(
                    "pipeline {id} was deleted, and those after it were not"
                ));
                return InterruptedSnafu { signal, left }.fail();
            }
        }
        Ok(Exit::Success)
    }

    async fn find(
        &self,
        transport: &SharedTransport,
    ) -> Result<Vec<Submission<Registered>>, Failure> {
        let mut found: Vec<Submission<Registered>> = Vec::new();
        for typed in &self.arguments.pipelines {
            match find::attach(transport, typed, &self.options).await {
                // It may be typed by its id and by its name.
                Ok(pipeline) if found.iter().any(|other| other.id() == pipeline.id()) => {}
                Ok(pipeline) => found.push(pipeline),
                Err(failure) if self.arguments.ignore_not_found && find::is_unknown(&failure) => {
                    self.output.note(&format!("there is no pipeline {typed}"));
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(found)
    }

    async fn one(&self, pipeline: Submission<Registered>) -> Result<(), Failure> {
        let (id, name) = (pipeline.id().clone(), pipeline.name().to_owned());
        if self.arguments.stop {
            self.stop_and_delete(pipeline).await?;
        } else {
            pipeline.delete().await?;
        }
        self.output.deleted(id.as_str(), &name);
        Ok(())
    }

    async fn stop_and_delete(&self, pipeline: Submission<Registered>) -> Result<(), Failure> {
        match pipeline.stop().await {
            Ok(stopped) => stopped.delete().await?,
            Err(failure) => match failure.into_parts() {
                // It has finished or failed, or another client has deleted it.
                (
                    Error::Stop {
                        source: StopError::EndedOtherwise { .. } | StopError::Vanished { .. },
                    },
                    pipeline,
                ) => pipeline.delete().await?,
                (error, _) => return Err(error.into()),
            },
        }
        Ok(())
    }
}
