//! Each illegal order of steps is a program that does not compile, with its expected error, next to a legal twin that differs in one line:
//! see `tests/`.
//!
//! Further ones are pairs of examples here, because each program in `tests/` takes its time.
//!
//! The old pipeline is stopped once:
//!
//! ```
//! # use stepwell::{Error, replacement::*};
//! # async fn example(prepared: Replacement<Prepared>) -> Result<(), Error> {
//! let next = prepared.stop_old().await?.start_new().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0599
//! # use stepwell::{Error, replacement::*};
//! # async fn example(prepared: Replacement<Prepared>) -> Result<(), Error> {
//! let next = prepared.stop_old().await?.stop_old().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! Only what was started is proved:
//!
//! ```
//! # use stepwell::{Error, replacement::*};
//! # async fn example(stopped: Replacement<OldStopped>) -> Result<(), Error> {
//! let next = stopped.start_new().await?.prove().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0599
//! # use stepwell::{Error, replacement::*};
//! # async fn example(stopped: Replacement<OldStopped>) -> Result<(), Error> {
//! let next = stopped.prove().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! A replacement is committed once, and what comes of it is a submission:
//!
//! ```
//! # use stepwell::{Error, replacement::*};
//! # async fn example(proved: Replacement<Proved>) -> Result<(), Error> {
//! let next = proved.commit().await?.stop().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0599
//! # use stepwell::{Error, replacement::*};
//! # async fn example(proved: Replacement<Proved>) -> Result<(), Error> {
//! let next = proved.commit().await?.commit().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0382
//! # use stepwell::{Error, replacement::*};
//! # async fn example(proved: Replacement<Proved>) -> Result<(), Error> {
//! let next = (proved.commit().await?, proved.commit().await?);
//! # drop(next); Ok(()) }
//! ```
//!
//! What has gone on is not rolled back, but what it has become:
//!
//! ```
//! # use stepwell::{Error, replacement::*};
//! # async fn example(prepared: Replacement<Prepared>) -> Result<(), Error> {
//! let next = prepared.stop_old().await?;
//! let back = next.roll_back().await?;
//! # drop(back); Ok(()) }
//! ```
//!
//! ```compile_fail,E0382
//! # use stepwell::{Error, replacement::*};
//! # async fn example(prepared: Replacement<Prepared>) -> Result<(), Error> {
//! let next = prepared.stop_old().await?;
//! let back = prepared.roll_back().await?;
//! # drop(back); Ok(()) }
//! ```
//!
//! After a roll-back that has failed there is no way on:
//!
//! ```
//! # use stepwell::{Error, replacement::*};
//! # async fn example(rolling: Replacement<RollingBack>) -> Result<(), Error> {
//! let next = rolling.roll_back().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0599
//! # use stepwell::{Error, replacement::*};
//! # async fn example(rolling: Replacement<RollingBack>) -> Result<(), Error> {
//! let next = rolling.start_new().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! What takes a place is new, and what gives it up was resolved:
//!
//! ```
//! # use stepwell::{Error, Submission, state::*};
//! # async fn example(new: Submission<Validated>, old: Submission<Running>) -> Result<(), Error> {
//! let next = new.replace(old, Default::default()).await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0599
//! # use stepwell::{Error, Submission, state::*};
//! # async fn example(new: Submission<Running>, old: Submission<Running>) -> Result<(), Error> {
//! let next = new.replace(old, Default::default()).await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0277
//! # use stepwell::{Error, Submission, state::*};
//! # async fn example(new: Submission<Validated>, old: Submission<Validated>) -> Result<(), Error> {
//! let next = new.replace(old, Default::default()).await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! What is updated runs:
//!
//! ```
//! # use stepwell::{Error, Submission, spec::Update, state::*};
//! # async fn example(submission: Submission<Registered>, update: Update) -> Result<(), Error> {
//! let next = submission.wait_until_running().await?.update(&update).await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0599
//! # use stepwell::{Error, Submission, spec::Update, state::*};
//! # async fn example(submission: Submission<Registered>, update: Update) -> Result<(), Error> {
//! let next = submission.update(&update).await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! What runs is not started:
//!
//! ```
//! # use stepwell::{Error, Submission, state::*};
//! # async fn example(submission: Submission<Running>) -> Result<(), Error> {
//! let next = submission.into_registered().start().await?;
//! # drop(next); Ok(()) }
//! ```
//!
//! ```compile_fail,E0599
//! # use stepwell::{Error, Submission, state::*};
//! # async fn example(submission: Submission<Running>) -> Result<(), Error> {
//! let next = submission.start().await?;
//! # drop(next); Ok(()) }
//! ```
