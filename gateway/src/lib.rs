//! HTTP in front of workers behind Kafka: every accepted request ends in one right answer or one honest error.
