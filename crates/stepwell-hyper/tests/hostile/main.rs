//! The transport against misbehaving servers, on real sockets.
//!
//! In each case the call ends within its timeout, the bytes read are bounded, a request that may have arrived is never reported as not
//! sent, a broken reply is never returned as a good one, a write is sent once, and the next request over the same transport gets its own
//! answer (`check::play`).
//!
//! | what | where |
//! |---|---|
//! | a write is stored and never answered; a write is reset | `wire`: `the_deadline_spans_…`, `a_write_is_sent_once_…` |
//! | … with every method but `GET` and `HEAD` | `connections`: `no_write_of_any_method_…` |
//! | a reset on accept, in the request, in the reply's head, in the body, between chunks | `connections`: `a_reset_in_any_phase_…`, `a_connection_that_ends_before_…` |
//! | half-closed connections | `connections`: `a_server_that_has_said_its_last_word_…` |
//! | a kept-alive connection that was closed in the pool | `wire`: twenty polls; `connections`: `a_connection_that_was_closed_…` |
//! | every read is closed after it was read | `connections`: `a_read_is_sent_twice_at_most`, `a_read_that_arrived_…` |
//! | garbage after the reply, unsolicited replies | `connections`: `garbage_…`, `a_word_of_farewell_…`, `a_reply_before_…` |
//! | bad status lines and headers; lengths that are negative, huge, or two | `heads`: `a_broken_status_line_…`, `broken_headers_…` |
//! | headers in bytes that are not ASCII | `heads`: `header_values_of_any_bytes_…` |
//! | headers of 1 MiB, 100,000 headers | `heads`: `a_head_of_any_size_…`; without end: `wire` |
//! | informational replies, some and without end | `heads`: `informational_…`; `wire` |
//! | a reply at a trickle | `heads`, `bodies`: `… at_a_trickle …` |
//! | the deadline spans headers and body | `wire`; that it closes the connection: `requests`: `a_deadline_…` |
//! | chunks that are broken, trailers, chunks together with a length | `bodies`: `broken_chunks_…`, `a_body_of_any_shape_…`, `chunks_count_…` |
//! | a body that is cut short | `bodies`, and under TLS `tls`: `a_reply_that_was_cut_…` |
//! | a body over the limit, with a length and without | `wire`; to the byte and in all shapes: `bodies` |
//! | memory, not only bytes on the wire | `tests/memory.rs` |
//! | a body where none may be (204, 304) | `bodies`: `a_body_where_none_may_be_…` |
//! | an empty reply to a create | `bodies`: `a_body_of_any_shape_…` |
//! | compressed without being asked | `wire`; in every header that can announce it: `bodies` |
//! | redirects | `wire`; with another server and a token: `requests`: `a_redirect_…` |
//! | an answer before the request was read, a server that does not read | `requests` |
//! | a call that is dropped, a runtime that is dropped | `requests` |
//! | addresses, IPv6, `Host`, a base with a prefix, refused, unknown host | `wire` |
//! | certificates, TLS where there is none | `tests/tls.rs`; a handshake that ends or stays open: `tls` |
//! | a page of HTML, an error of a proxy, paging, job states | not here: the transport returns any status and body |

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::expect_used, reason = "a test may fail where it stands")]

mod bodies;
mod check;
mod connections;
mod heads;
mod requests;
mod server;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
