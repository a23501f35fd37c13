//! The subtasks of a run: driven each in a task of its own, asked for their states together.

use std::future;

use stepwell_arroyo::ErrorDomain;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::run::internal;
use crate::rows::{Rows, WriteFailed};
use crate::sql::{ExecutionError, Subtask};

/// Subtasks at work.
#[derive(Debug)]
pub(super) struct Team {
    members: Vec<Member>,
    /// Each with its index, and the state that it ended with.
    tasks: JoinSet<(usize, Result<Vec<u8>, ExecutionError>)>,
    rows: Rows,
}

#[derive(Debug)]
enum Member {
    Working(mpsc::Sender<Question>),
    Ended(Vec<u8>),
}

/// Asks a subtask for its state, between two of its batches of rows.
#[derive(Debug)]
struct Question {
    state: oneshot::Sender<Vec<u8>>,
    /// Whether it ends with the answer.
    stopping: bool,
}

impl Team {
    pub(super) fn start(subtasks: Vec<Subtask>, rows: &Rows) -> Self {
        let mut tasks = JoinSet::new();
        let mut members = Vec::with_capacity(subtasks.len());
        for (index, subtask) in subtasks.into_iter().enumerate() {
            let (ask, questions) = mpsc::channel(1);
            let rows = rows.of_subtask(index);
            tasks.spawn(async move { (index, drive(subtask, questions, &rows).await) });
            members.push(Member::Working(ask));
        }
        Self {
            members,
            tasks,
            rows: rows.clone(),
        }
    }

    /// Waits until all subtasks have ended by themselves and their rows are written. Without any subtask, as with a
    /// parallelism of 0, that never comes (recording `291_parallelism_0_states`).
    ///
    /// Cancel safe.
    pub(super) async fn finished(&mut self) -> Result<(), ExecutionError> {
        if self.members.is_empty() {
            return future::pending().await;
        }
        while self
            .members
            .iter()
            .any(|member| matches!(member, Member::Working(_)))
        {
            self.next_end().await?;
        }
        self.rows.flush().await.map_err(not_written)
    }

    /// The states of all subtasks, each after the rows that it has given, which are written by then. After a stopping one
    /// no more rows come.
    ///
    /// A call that is dropped is good for nothing but to be followed by [`dissolve`](Self::dissolve).
    pub(super) async fn checkpoint(
        &mut self,
        stopping: bool,
    ) -> Result<Vec<Vec<u8>>, ExecutionError> {
        let mut answers = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let (state, answer) = oneshot::channel();
            if let Member::Working(ask) = member {
                // One that has just ended does not answer.
                let _ = ask.send(Question { state, stopping }).await;
            }
            answers.push(answer);
        }
        let mut states = Vec::with_capacity(answers.len());
        for (index, answer) in answers.into_iter().enumerate() {
            states.push(match answer.await {
                Ok(state) => state,
                Err(_) => self.state_at_end(index).await?,
            });
        }
        self.rows.flush().await.map_err(not_written)?;
        Ok(states)
    }

    /// Ends the subtasks where they are.
    pub(super) async fn dissolve(mut self) {
        self.tasks.shutdown().await;
    }

    async fn state_at_end(&mut self, index: usize) -> Result<Vec<u8>, ExecutionError> {
        loop {
            match self.members.get(index) {
                Some(Member::Ended(state)) => return Ok(state.clone()),
                _ => self.next_end().await?,
            }
        }
    }

    /// Waits for the next subtask to end, and notes with which state.
    async fn next_end(&mut self) -> Result<(), ExecutionError> {
        let Some(Ok((index, ended))) = self.tasks.join_next().await else {
            let error = "a subtask ended unexpectedly; this is a fault in the engine";
            return Err(internal(error.to_owned()));
        };
        let state = ended?;
        if let Some(member) = self.members.get_mut(index) {
            *member = Member::Ended(state);
        }
        Ok(())
    }
}

/// Runs a subtask until it ends, fails, or is told to stop; its state by then.
async fn drive(
    mut subtask: Subtask,
    mut questions: mpsc::Receiver<Question>,
    rows: &Rows,
) -> Result<Vec<u8>, ExecutionError> {
    loop {
        tokio::select! {
            biased;
            Some(Question { state, stopping }) = questions.recv() => {
                let now = subtask.state();
                // A run that is being ended does not want it any more.
                let _ = state.send(now.clone());
                if stopping {
                    return Ok(now);
                }
            }
            next = subtask.next() => match next? {
                None => return Ok(subtask.state()),
                Some(batch) if batch.is_empty() => {}
                Some(batch) => rows.write(batch).await.map_err(not_written)?,
            },
        }
    }
}

fn not_written(WriteFailed(cause): WriteFailed) -> ExecutionError {
    ExecutionError {
        error: format!("the rows could not be written: {cause}"),
        domain: ErrorDomain::External,
        retryable: false,
    }
}
