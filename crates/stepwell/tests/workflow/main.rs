//! The workflow over a scripted transport, on a paused clock: which requests are sent, in which order, and how each answer is handled.

// The lint does not treat helpers shared by tests as test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod adopt;
mod by_id;
mod by_id_create;
mod by_id_others;
mod connect;
mod create_post;
mod create_post_twice;
mod create_put;
mod create_refused;
mod discard;
mod echo;
mod ended;
mod ended_together;
mod errors;
mod events;
mod find;
mod find_others;
mod foreign_code;
mod futures_and_sizes;
mod limits;
mod lookup;
mod plan;
mod resume;
mod resumed_run;
mod retried;
mod rows;
mod rows_end;
mod running;
mod secret_spec;
mod secrets;
mod shutdown;
mod shutdown_begun;
mod shutdown_create;
mod shutdown_escalation;
mod shutdown_in_doubt;
mod shutdown_remembers;
mod stable;
mod stop;
mod stop_missing;
mod support;
mod trouble;
mod validate;
mod wait;
