//! The worker: takes requests from Kafka, runs a handler that knows no Kafka, writes replies.
