//! Versioned request and reply envelopes, header names, error codes and the correlation registry. No I/O.
