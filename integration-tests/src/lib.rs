//! The whole stack against a real broker over sockets; and the bench.
