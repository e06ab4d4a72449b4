pub(crate) mod partitioner;
