//! The semantics of an Arroyo control plane as a pure state machine: request in, reply out, time and ids from outside.
