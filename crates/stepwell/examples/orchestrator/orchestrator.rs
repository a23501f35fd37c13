//! The pipelines of a directory. `tests/guide` tests this.
use std::{collections::HashSet, error::Error, io, path::PathBuf, time::Duration};

use stepwell::{
    Error as StepError, Options, Outcome, PipelineId, PipelineSpec, SharedTransport, Shutdown,
    Submission,
    error::Chain,
    replacement::{Replacement, ReplacementOptions},
    spec::{FindBy, Identity},
    state::{Registered, Running},
};
use tokio::{select, task::JoinSet, time::sleep};

use crate::files::{File, LOOK, Text, names};

/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(30);

type AnyError = Box<dyn Error + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Orchestrator<R> {
    pub(crate) directory: PathBuf,
    pub(crate) server: SharedTransport,
    pub(crate) shutdown: Shutdown,
    pub(crate) options: Options,
    /// Called with the name of a file and a line of text.
    pub(crate) report: R,
}

impl<R: Fn(&str, &str) + Clone + Send + Sync + 'static> Orchestrator<R> {
    /// Works until the shutdown begins. Each file has a task, so that one that fails holds up no other.
    pub(crate) async fn run(self) {
        let (mut tasks, mut known) = (JoinSet::new(), HashSet::new());
        while !self.shutdown.is_begun() {
            match names(&self.directory) {
                Ok(names) => {
                    for name in names.into_iter().filter(|name| known.insert(name.clone())) {
                        let file = File::new(&self.directory, name);
                        tasks.spawn(self.clone().keep(file));
                    }
                }
                Err(error) => (self.report)("the directory", &error.to_string()),
            }
            select! { () = sleep(LOOK) => {}, () = self.shutdown.begun() => {} }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn keep(self, file: File) {
        let mut refused = None;
        while !self.shutdown.is_begun() {
            let text = file.text_unlike(None).await;
            let Err(error) = self.step(&file, &text, &mut refused).await else {
                continue;
            };
            if !matches!(error.downcast_ref(), Some(StepError::ShutdownBegun)) {
                (self.report)(&file.name, &Chain(&*error).to_string());
            }
            select! {
                () = sleep(RETRY) => {}
                _ = file.text_unlike(Some(&text)) => {}
                () = self.shutdown.begun() => {}
            }
        }
    }

    /// Brings the pipeline in line with the file, and watches it until it ends or the file changes.
    ///
    /// `refused` is the id of a new query that could not take the place of the old one. It is not tried again before the file changes.
    async fn step(
        &self,
        file: &File,
        text: &Text,
        refused: &mut Option<PipelineId>,
    ) -> Result<(), AnyError> {
        let noted = file.ids()?;
        let Some(sql) = text.as_ref().map_err(|kind| io::Error::from(*kind))? else {
            for id in noted.iter().rev() {
                self.remove(id).await?;
            }
            file.note(&[])?;
            (self.report)(&file.name, "deleted");
            select! { _ = file.text_unlike(Some(text)) => {}, () = self.shutdown.begun() => {} }
            return Ok(());
        };
        let namespace = "orchestrator".to_owned();
        let spec = PipelineSpec::builder(sql)
            .name(&file.name)
            .identity(Identity::FromSpec { namespace })
            .find_by(FindBy::Id)
            .force(true)
            .build()?;
        let new = spec.id().ok_or("the spec has no id")?;
        refused.take_if(|refused| *refused != new);
        let is_refused = refused.is_some();
        let running = match &*noted {
            // Gives up a replacement: the old pipeline is the only one again, unless all was done and it is gone.
            [old, cut_short] if is_refused || *cut_short != new => {
                let is_there = self.find(old).await?.is_some();
                if is_there {
                    self.remove(cut_short).await?;
                }
                file.note(&[if is_there { old } else { cut_short }])?;
                return Ok(());
            }
            [old] if is_refused => {
                let old = self.find(old).await?.ok_or("the old pipeline is gone")?;
                old.start().await?.wait_until_running().await?
            }
            [old, ..] if *old != new => {
                file.note(&[old, &new])?;
                match self.replace(old, &spec).await {
                    Ok(running) => running,
                    // The server has chosen the id of this query, or there is nothing to replace.
                    Err(error) if is_to_submit(&error) => self.submit(spec).await?,
                    Err(error) if is_refusal(&error) => {
                        (self.report)(&file.name, &Chain(&error).to_string());
                        *refused = Some(new);
                        return Ok(());
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            _ => {
                file.note(&[&new])?;
                self.submit(spec).await?
            }
        };
        file.note(&[running.id()])?;
        (self.report)(&file.name, &format!("pipeline {} runs", running.id()));
        select! {
            ended = running.ended() => Err(ended?.into_error().into()),
            _ = file.text_unlike(Some(text)) => Ok(()),
        }
    }

    async fn submit(&self, spec: PipelineSpec) -> Result<Submission<Running>, AnyError> {
        let submission = Submission::builder(self.server.clone(), spec)
            .options(self.options.clone())
            .shutdown(&self.shutdown)
            .build();
        match submission.run().await? {
            Outcome::Running(running) => Ok(running),
            _ => Err("the pipeline has finished".into()),
        }
    }

    /// Puts the query in the place of the old pipeline, or goes on with that.
    async fn replace(
        &self,
        old: &PipelineId,
        spec: &PipelineSpec,
    ) -> Result<Submission<Running>, StepError> {
        let (server, old, spec) = (self.server.clone(), old.clone(), spec.clone());
        let (options, with) = (self.options.clone(), ReplacementOptions::default());
        let replacement = Replacement::resume(server, old, spec, &self.shutdown, options, with);
        Ok(replacement.await?.run().await?)
    }

    /// Stops a pipeline with a final checkpoint and deletes it, if it is there.
    async fn remove(&self, id: &PipelineId) -> Result<(), StepError> {
        let Some(pipeline) = self.find(id).await? else {
            return Ok(());
        };
        match pipeline.stop().await {
            Ok(stopped) => stopped.delete().await?,
            Err(failure) if failure.error().code() == "stop.ended_otherwise" => {
                failure.into_submission().delete().await?;
            }
            Err(failure) => return Err(failure.into()),
        }
        Ok(())
    }

    async fn find(&self, id: &PipelineId) -> Result<Option<Submission<Registered>>, StepError> {
        let (server, id, options) = (self.server.clone(), id.clone(), self.options.clone());
        match Submission::attach(server, id, &self.shutdown, options).await {
            Err(error) if error.code() == "attach.not_found" => Ok(None),
            attached => attached.map(Some),
        }
    }
}

fn is_to_submit(error: &StepError) -> bool {
    let code = error.code();
    code == "replacement.same_pipeline" || code == "replacement.old_gone"
}

/// Whether the server has refused the new query, or it has not come up. The old pipeline was put back, or will be.
fn is_refusal(error: &StepError) -> bool {
    let codes = [
        "validate.invalid",
        "replacement.new",
        "replacement.rolled_back",
        "replacement.not_rolled_back",
    ];
    codes.contains(&error.code()) && !error.is_retryable()
}
