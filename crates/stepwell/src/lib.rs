//! Submit a streaming-SQL pipeline to an Arroyo control plane, one typed step at a time.
