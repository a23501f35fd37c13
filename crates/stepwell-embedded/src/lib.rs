//! An embedded streaming-SQL engine that speaks the REST API of an Arroyo control plane.
