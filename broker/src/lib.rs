//! An in-memory Kafka broker for local runs and tests. Nothing is kept on disk.
