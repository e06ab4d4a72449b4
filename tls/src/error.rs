//! Why there is no TLS.

use std::path::PathBuf;

/// A configuration cannot be made. No text of these shows what is in a file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The processor lacks instructions that the cryptography is written in.
    #[error(
        "TLS needs a processor with {}, which this one lacks: x86-64 from about 2015 and 64-bit Arm with \
         its cryptographic extension have them; some virtual machines hide them",
        .0.join(", ")
    )]
    Processor(Vec<&'static str>),
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: files::ReadError,
    },
    /// A file is not what it should be.
    #[error("{} {reason}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, to stand behind its name.
        reason: String,
    },
    /// The system has no certificates of authorities where they usually are.
    #[error("no certificates of authorities are where systems keep them; name a file with those to trust")]
    NoSystemAuthorities,
    /// What was read does not make a configuration.
    #[error("no TLS configuration can be made")]
    Configuration(#[source] rustls::Error),
}
