//! The controller's thread: how it is started and closed.

use std::sync::mpsc;
use std::thread;

use snafu::ResultExt as _;
use tokio::sync::{mpsc as asynchronous, oneshot, watch};

use super::core::Core;
use super::handle::{Controller, Message, Order};
use super::unsaved::SaveFailure;
use super::work::Work;
use crate::error::{EngineError, ThreadSnafu};
use crate::worker::JobCounters;

/// The thread. When this is dropped, it ends in the background.
#[derive(Debug)]
pub(crate) struct ControllerThread {
    controller: Controller,
    save_failure: watch::Receiver<SaveFailure>,
}

impl ControllerThread {
    /// Starts the thread. It sends orders to the workers' supervisor over `orders`, which closes when the thread ends.
    pub(crate) fn start(
        core: Core,
        orders: asynchronous::UnboundedSender<Order>,
        counters: JobCounters,
        idle: bool,
    ) -> Result<Self, EngineError> {
        let (messages, waiting) = mpsc::channel();
        let (failure, save_failure) = watch::channel(None);
        let work = Work::new(core, orders, counters, idle, failure);
        thread::Builder::new()
            .name("stepwell-controller".to_owned())
            .spawn(move || work.run(&waiting))
            .context(ThreadSnafu)?;
        Ok(Self {
            controller: Controller::new(messages),
            save_failure,
        })
    }

    pub(crate) fn handle(&self) -> Controller {
        self.controller.clone()
    }

    /// Whether changes can be saved now.
    pub(crate) fn save_failure(&self) -> watch::Receiver<SaveFailure> {
        self.save_failure.clone()
    }

    /// Ends the thread once it has handled every earlier message and written the changes. The state directory is unlocked by then.
    pub(crate) async fn close(self) -> Result<(), EngineError> {
        let (closed, answer) = oneshot::channel();
        self.controller.send(Message::Close {
            closed: Some(closed),
        });
        answer.await.unwrap_or(Err(EngineError::ControllerGone))
    }
}

impl Drop for ControllerThread {
    fn drop(&mut self) {
        self.controller.send(Message::Close { closed: None });
    }
}
