//! The Arroyo REST API v1: wire types, requests and decoding without I/O, and a typed client.
